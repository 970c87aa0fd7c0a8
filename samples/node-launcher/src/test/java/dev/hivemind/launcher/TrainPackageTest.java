package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** {@code hivemind train} as a process, through experts of another. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class TrainPackageTest {

    private static final String GRID = "ffn.[0:2].[0:2]";

    @TempDir
    private Path directory;

    @RegisterExtension
    final CommandRuns runs = new CommandRuns();

    private CommandRun server;

    private CommandRun hivemind(String... arguments) throws Exception {
        return runs.start(directory, Map.of(), arguments);
    }

    /** The address of a server of four experts. */
    private String server() throws Exception {
        server = hivemind("server", "--num-experts", "4", "--hidden-dim", "16", "--expert-pattern", GRID);
        String line = server.await("Others join with --initial-peers ");
        return line.substring(line.lastIndexOf(' ') + 1);
    }

    private CommandRun train(String address, String... more) throws Exception {
        List<String> arguments =
                new ArrayList<>(List.of("train", "--json", "--initial-peers", address, "--expert-pattern", GRID));
        arguments.addAll(List.of(more));
        return hivemind(arguments.toArray(String[]::new));
    }

    @Test
    void train_ofAFewSteps_tellsHowGoodItIsAndGoesOnLater() throws Exception {
        String address = server();
        String run = directory.resolve("run").toString();

        CommandRun first = train(address, "--steps", "20", "--directory", run);
        first.success();
        CommandRun second = train(address, "--steps", "30", "--directory", run, "--resume");
        second.success();

        assertThat(last(first).get("event")).isEqualTo("result");
        assertThat(last(first).get("steps")).isEqualTo(20);
        assertThat((double) last(first).get("testAccuracy")).isBetween(0.1, 1.0);
        assertThat(directory.resolve("run/reports.jsonl")).exists();
        assertThat(second.output()).contains("{\"event\":\"resumed\",\"step\":20}");
        assertThat(last(second).get("steps")).isEqualTo(30);
        assertThat(train(address, "--steps", "30", "--directory", run).failure(ExitCodes.FAILED))
                .contains("--resume");
        for (String steps : List.of("30", "10")) {
            CommandRun finished = train(address, "--steps", steps, "--directory", run, "--resume");
            finished.success();
            assertThat(last(finished).get("steps")).isEqualTo(30);
        }
    }

    @Test
    void train_interruptedWhileExpertsAreMissing_keepsWhatItLearned() throws Exception {
        String address = server();
        CommandRun run = train(
                address,
                "--epochs",
                "999",
                "--wait",
                "10m",
                "--directory",
                directory.resolve("run").toString());
        run.await("{\"event\":\"step\"");
        server.close();
        run.await("{\"event\":\"waiting\"");

        run.interrupt();

        assertThat(run.exitCode()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(directory.resolve("run/checkpoints")).isNotEmptyDirectory();
    }

    @Test
    void train_ofMoreThanCanBeCounted_isAnErrorOfUsage() throws Exception {
        assertThat(train("127.0.0.1:1", "--epochs", "2000000000", "--batch-size", "1")
                        .failure(ExitCodes.USAGE))
                .contains("--epochs");
        assertThat(train("127.0.0.1:1", "--batch-size", "2000000").failure(ExitCodes.USAGE))
                .contains("--batch-size");
    }

    private static Map<?, ?> last(CommandRun run) throws Exception {
        List<Map<?, ?>> lines = run.json();
        return lines.get(lines.size() - 1);
    }

    @Test
    void train_interrupted_keepsWhatItLearned() throws Exception {
        CommandRun run = train(
                server(),
                "--epochs",
                "999",
                "--directory",
                directory.resolve("run").toString());
        run.await("{\"event\":\"step\"");

        run.interrupt();

        assertThat(run.exitCode()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(last(run).get("whole")).isEqualTo(false);
        assertThat(directory.resolve("run/checkpoints")).isNotEmptyDirectory();
    }

    @Test
    void train_whereNobodyIs_exitsWithThree() throws Exception {
        String gone = gone();

        assertThat(train(gone, "--wait", "1s").failure(ExitCodes.NO_PEER)).contains(gone);
    }

    @Test
    void train_whereNobodyIsYet_countsDownUntilItIsInterrupted() throws Exception {
        CommandRun run = train(gone(), "--wait", "10m");

        assertThat(run.await("{\"event\":\"waiting\"")).contains("\"secondsLeft\":");
        run.interrupt();

        run.failure(ExitCodes.INTERRUPTED);
    }

    private static String gone() throws Exception {
        try (var socket = new ServerSocket(0)) {
            return "127.0.0.1:" + socket.getLocalPort();
        }
    }

    @Test
    void train_whereNobodyHostsSuchExperts_exitsWithThree() throws Exception {
        assertThat(hivemind("train", "--initial-peers", server(), "--expert-pattern", "other.[0:4]", "--wait", "1s")
                        .failure(ExitCodes.NO_PEER))
                .contains("'other.'");
    }

    @Test
    void train_toResumeNothing_saysWhatIsMissing() throws Exception {
        assertThat(train("127.0.0.1:1", "--resume").failure(ExitCodes.USAGE)).contains("--directory");
    }
}
