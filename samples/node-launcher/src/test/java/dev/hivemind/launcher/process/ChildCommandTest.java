package dev.hivemind.launcher.process;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ChildCommandTest {

    @Test
    void flags_java17And21_haveNoNativeAccessFlag() {
        assertThat(ChildCommand.flags(17)).noneMatch(flag -> flag.contains("native-access"));
        assertThat(ChildCommand.flags(21)).isEqualTo(ChildCommand.flags(17));
    }

    @Test
    void flags_java22_allowNativeAccess() {
        assertThat(ChildCommand.flags(22)).contains("--enable-native-access=ALL-UNNAMED");
    }

    @Test
    void flags_always_keepTheTensorEngineOffTheNetwork() {
        assertThat(ChildCommand.flags(17)).contains("-Dai.djl.offline=true");
    }
}
