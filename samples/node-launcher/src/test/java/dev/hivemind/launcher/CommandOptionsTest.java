package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.compression.Compression;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class CommandOptionsTest {

    @Test
    void demoOptions_noArguments_areTheDefaults() {
        assertThat(demo())
                .isEqualTo(new DemoOptions(
                        2000, 1, 3, 16, true, Compression.NONE, false, new DashboardPort(8080, true), null));
    }

    @Test
    void demoOptions_everyArgument_areThose() {
        assertThat(demo(
                        "--steps 7 --seed 9 --servers 1 --experts 2 --no-kill --compression int8 --json --data pictures --no-dashboard"
                                .split(" ")))
                .isEqualTo(new DemoOptions(7, 9, 1, 2, false, Compression.INT8, true, null, Path.of("pictures")));
    }

    @Test
    void demoOptions_aPortForTheDashboard_isNoMereWish() {
        assertThat(demo("--dashboard-port", "9000").dashboardPort()).isEqualTo(new DashboardPort(9000, false));
    }

    @Test
    void demo_withAPortForTheDashboardThatIsNone_isRefused() {
        var command = new DemoCommand();
        parse(command, "--dashboard-port", "65536");

        assertThatThrownBy(command::call)
                .isInstanceOf(CommandLine.ParameterException.class)
                .hasMessageContaining("65536");
    }

    @Test
    void demoOptions_withACodecThatIsNotKnown_namesThoseThatAre() {
        assertThatThrownBy(() -> demo("--compression", "zip")).hasMessageContaining("none, float16, int8");
    }

    private static DemoOptions demo(String... arguments) {
        var command = new DemoCommand();
        parse(command, arguments);
        return command.options();
    }

    private static void parse(Object command, String... arguments) {
        new CommandLine(command).setCaseInsensitiveEnumValuesAllowed(true).parseArgs(arguments);
    }
}
