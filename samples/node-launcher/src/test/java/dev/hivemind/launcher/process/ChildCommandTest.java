package dev.hivemind.launcher.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
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

    @Test
    void collector_namedByTheEnvironment_isLeftToIt() {
        assertThat(ChildCommand.collector(Map.of("JAVA_TOOL_OPTIONS", "-Xmx1g -XX:+UseZGC")))
                .isEmpty();
        assertThat(ChildCommand.collector(Map.of("JDK_JAVA_OPTIONS", "-XX:+UseG1GC -Xmx1g")))
                .isEmpty();
    }

    @Test
    void collector_environmentWithoutOne_isSimple() {
        assertThat(ChildCommand.collector(Map.of("JAVA_TOOL_OPTIONS", "-XX:+UseNUMA -Dwhich=GC")))
                .contains("-XX:+UseSerialGC");
    }
}
