package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class CommandOptionsTest {

    @Test
    void serverOptions_noArguments_areTheDefaults() {
        assertThat(server())
                .isEqualTo(new ServerOptions(
                        "ffn",
                        Map.of(),
                        5,
                        "expert",
                        null,
                        0,
                        new PeerAddress("127.0.0.1", 0),
                        List.of(),
                        OptimizerChoice.SGD,
                        0.05,
                        4096,
                        new ComputeOptions("cpu", OptionalInt.empty(), OptionalInt.empty()),
                        1,
                        false,
                        false));
    }

    @Test
    void serverOptions_everyArgument_areThose() {
        ServerOptions options = server(
                ("--expert-class nop_delay --hidden-dim 128 --expert-option delay=0.25 --num-experts 6 --uid-prefix"
                                + " demo.1 --expert-pattern ffn.[0:4].[0:8] --first-index 10 --listen-on [::1]:7000"
                                + " --initial-peers a:1,b:2 --optimizer adam --learning-rate 0.01 --max-batch-size 64 --device"
                                + " gpu1 --device-threads 3 --intra-op-threads 2 --seed -3 --json --exit-with-parent")
                        .split(" "));

        assertThat(options)
                .isEqualTo(new ServerOptions(
                        "nop_delay",
                        Map.of("hidden-dim", "128", "delay", "0.25"),
                        6,
                        "demo.1",
                        ExpertGrid.of("ffn", 4, 8),
                        10,
                        new PeerAddress("::1", 7000),
                        List.of(new PeerAddress("a", 1), new PeerAddress("b", 2)),
                        OptimizerChoice.ADAM,
                        0.01,
                        64,
                        new ComputeOptions("gpu1", OptionalInt.of(3), OptionalInt.of(2)),
                        -3,
                        true,
                        true));
    }

    @Test
    void serverOptions_adamWithoutLearningRate_takesAdamsDefault() {
        assertThat(server("--optimizer", "adam").learningRate()).isEqualTo(0.001);
    }

    @Test
    void demoOptions_noArguments_areTheDefaults() {
        assertThat(demo()).isEqualTo(new DemoOptions(2000, 1, 3, 16, true, Compression.NONE, false, null));
    }

    @Test
    void demoOptions_everyArgument_areThose() {
        assertThat(demo("--steps 7 --seed 9 --servers 1 --experts 2 --no-kill --compression int8 --json --data pictures"
                        .split(" ")))
                .isEqualTo(new DemoOptions(7, 9, 1, 2, false, Compression.INT8, true, Path.of("pictures")));
    }

    @Test
    void demoOptions_withACodecThatIsNotKnown_namesThoseThatAre() {
        assertThatThrownBy(() -> demo("--compression", "zip")).hasMessageContaining("none, float16, int8");
    }

    private static ServerOptions server(String... arguments) {
        var command = new ServerCommand();
        parse(command, arguments);
        return command.options();
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
