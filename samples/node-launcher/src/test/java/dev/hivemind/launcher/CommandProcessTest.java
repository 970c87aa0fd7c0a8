package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The commands as users run them: processes, sockets, PyTorch. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class CommandProcessTest {

    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin", "java");

    @TempDir
    private Path directory;

    private final List<Process> processes = new ArrayList<>();

    @AfterEach
    void end() {
        processes.forEach(Process::destroyForcibly);
    }

    private Process start(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                JAVA.toString(),
                "-Dai.djl.offline=true",
                "-Dai.djl.pytorch.graph_optimizer=false",
                "-cp",
                System.getProperty("java.class.path"),
                Hivemind.class.getName()));
        command.addAll(List.of(arguments));
        var builder = new ProcessBuilder(command).redirectOutput(out().toFile()).redirectError(err().toFile());
        builder.environment().put("OPT_OUT_TRACKING", "true");
        Process process = builder.start();
        processes.add(process);
        return process;
    }

    private Path out() {
        return directory.resolve("out");
    }

    private Path err() {
        return directory.resolve("err");
    }

    private void assertFails(int exitCode, String message, String... arguments) throws Exception {
        assertThat(start(arguments).waitFor()).isEqualTo(exitCode);
        assertThat(Files.readAllLines(err()))
                .filteredOn(line -> line.startsWith("hivemind: "))
                .singleElement()
                .asString()
                .contains(message);
        assertThat(Files.readString(err())).doesNotContain("\tat ");
    }

    @Test
    void server_onAPortInUse_namesIt() throws Exception {
        try (var taken = new ServerSocket(0)) {
            String address = "127.0.0.1:" + taken.getLocalPort();

            assertFails(ExitCodes.FAILED, address, "server", "--num-experts", "1", "--listen-on", address);
        }
    }

    @Test
    void server_whoseInitialPeerIsGone_namesItAndExitsWithThree() throws Exception {
        String address;
        try (var gone = new ServerSocket(0)) {
            address = "127.0.0.1:" + gone.getLocalPort();
        }

        assertFails(ExitCodes.NO_PEER, address, "server", "--num-experts", "1", "--initial-peers", address);
    }

    @Test
    void server_ofAnUnknownExpertClass_namesTheKnownOnes() throws Exception {
        assertFails(ExitCodes.USAGE, "ffn", "server", "--expert-class", "transformer");
    }

    @Test
    void server_withExpertsTooLargeToTravel_saysSo() throws Exception {
        assertFails(ExitCodes.USAGE, "hidden-dim", "server", "--hidden-dim", "70000");
    }

    @Test
    void demo_withADirectoryWithoutData_namesTheMissingFile() throws Exception {
        assertFails(ExitCodes.FAILED, "train-images", "demo", "--data", directory.toString());
    }

    @Test
    void demo_ofAFewSteps_printsAResultAndLeavesNoProcess() throws Exception {
        String seed = "8675309" + ProcessHandle.current().pid();

        Process demo = start("demo", "--json", "--steps", "20", "--servers", "2", "--experts", "4", "--seed", seed);

        assertThat(demo.waitFor()).as(Files.readString(err())).isEqualTo(ExitCodes.OK);
        List<String> lines = Files.readAllLines(out());
        assertThat(lines).allMatch(line -> line.startsWith("{\"event\":") && line.endsWith("}"));
        assertThat(lines).anyMatch(line -> line.startsWith("{\"event\":\"server-killed\""));
        assertThat(lines.get(lines.size() - 1))
                .matches("\\{\"event\":\"result\",\"testAccuracy\":0\\.\\d+,\"linearAccuracy\":0\\.\\d+,"
                        + "\"frozenAccuracy\":0\\.\\d+,\"steps\":20,\"seconds\":[\\d.]+,\"samplesPerSecond\":[\\d.]+,"
                        + "\"remoteCalls\":\\d+,\"failedCalls\":\\d+,\"expertsUsed\":4,\"serversKilled\":1}");
        assertThat(ProcessHandle.allProcesses().map(process -> process.info().commandLine()))
                .noneMatch(commandLine ->
                        commandLine.filter(text -> text.contains(seed)).isPresent());
    }
}
