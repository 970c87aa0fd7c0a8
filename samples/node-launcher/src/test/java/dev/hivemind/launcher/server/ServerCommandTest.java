package dev.hivemind.launcher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class ServerCommandTest {

    @Test
    void serverOptions_noArguments_areTheDefaults() {
        assertThat(server())
                .isEqualTo(new ServerOptions(
                        "ffn",
                        List.of(),
                        Map.of(),
                        new UidOptions(5, "expert", null, null, List.of()),
                        new NetworkOptions(List.of(new PeerAddress("127.0.0.1", 0)), List.of(), List.of(), null),
                        new LearningOptions(OptimizerChoice.SGD, 0.05, null, LearningRateSchedule.constant()),
                        new ServiceOptions(
                                4096,
                                1,
                                Duration.ofMillis(10),
                                Duration.ofSeconds(30),
                                Duration.ofSeconds(30),
                                null,
                                Duration.ofMinutes(1)),
                        new ComputeOptions("cpu", OptionalInt.empty(), OptionalInt.empty()),
                        new MonitoringOptions(null, Duration.ofSeconds(30)),
                        1,
                        false,
                        false));
    }

    @Test
    void serverOptions_everyArgument_areThose() {
        ServerOptions options = server(("--expert-class nop_delay --hidden-dim 128 --expert-option delay=0.25"
                        + " --num-experts 6 --uid-prefix demo.1 --expert-pattern ffn.[0:4].[0:8] --first-index 10"
                        + " --listen-on [::1]:7000,c:1 --dht-port 7001 --announce d:9 --initial-peers a:1,b:2"
                        + " --identity-path key --optimizer adam --learning-rate 0.01 --clip-grad-norm 2"
                        + " --scheduler linear --num-warmup-steps 5 --num-training-steps 50 --checkpoint-dir state"
                        + " --checkpoint-period 7m --custom-module-path a.jar,b.jar"
                        + " --max-batch-size 64 --min-batch-size 8 --linger 5ms --announce-period 9s"
                        + " --drain-timeout 1m --device gpu1 --device-threads 3 --intra-op-threads 2 --metrics-port 99"
                        + " --metrics-host ::1 --status-period 4s --seed -3 --json --exit-with-parent")
                .split(" "));

        assertThat(options)
                .isEqualTo(new ServerOptions(
                        "nop_delay",
                        List.of(Path.of("a.jar"), Path.of("b.jar")),
                        Map.of("hidden-dim", "128", "delay", "0.25"),
                        new UidOptions(6, "demo.1", ExpertGrid.of("ffn", 4, 8), 10, List.of()),
                        new NetworkOptions(
                                List.of(
                                        new PeerAddress("::1", 7000),
                                        new PeerAddress("c", 1),
                                        new PeerAddress("::1", 7001)),
                                List.of(new PeerAddress("d", 9)),
                                List.of(new PeerAddress("a", 1), new PeerAddress("b", 2)),
                                Path.of("key")),
                        new LearningOptions(OptimizerChoice.ADAM, 0.01, 2.0, new LearningRateSchedule.Linear(5, 50)),
                        new ServiceOptions(
                                64,
                                8,
                                Duration.ofMillis(5),
                                Duration.ofSeconds(9),
                                Duration.ofMinutes(1),
                                Path.of("state"),
                                Duration.ofMinutes(7)),
                        new ComputeOptions("gpu1", OptionalInt.of(3), OptionalInt.of(2)),
                        new MonitoringOptions(new PeerAddress("::1", 99), Duration.ofSeconds(4)),
                        -3,
                        true,
                        true));
    }

    @Test
    void uids_ofAGrid_haveTheNumbersOfTheirCells() {
        var uids = new UidOptions(3, "expert", ExpertGrid.of("ffn.7", 4, 8), 10, List.of());

        assertThat(uids.uids()).extracting(uids::number).containsExactly(10L, 11L, 12L);
    }

    @Test
    void serverOptions_namesOfExperts_sayHowManyThereAre() {
        UidOptions uids = server("--expert-uids", "b.7,a.1").uids();

        assertThat(uids.count()).isEqualTo(2);
        assertThat(uids.uids()).extracting(ExpertUid::value).containsExactly("b.7", "a.1");
        assertThat(uids.space()).isEqualTo("b.7,a.1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--expert-uids a.1,a.1",
                "--expert-uids a.1 --num-experts 2",
                "--expert-uids a.1 --expert-pattern a.[0:2]",
                "--expert-uids a.1 --uid-prefix expert",
                "--num-warmup-steps 0",
                "--num-training-steps 9 --scheduler none",
                "--scheduler linear",
                "--scheduler cosine --num-warmup-steps 5 --num-training-steps 5"
            })
    void serverOptions_thatContradictEachOther_areRefused(String options) {
        assertThatThrownBy(() -> server(options.split(" "))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void serverOptions_adamWithoutLearningRate_takesAdamsDefault() {
        assertThat(server("--optimizer", "adam").learning().learningRate()).isEqualTo(0.001);
    }

    private static ServerOptions server(String... arguments) {
        var command = new ServerCommand();
        parse(command, arguments);
        return command.options();
    }

    private static void parse(Object command, String... arguments) {
        new CommandLine(command).setCaseInsensitiveEnumValuesAllowed(true).parseArgs(arguments);
    }
}
