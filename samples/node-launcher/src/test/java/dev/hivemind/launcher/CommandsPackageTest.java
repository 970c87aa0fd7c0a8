package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The commands as users run them: processes, sockets, PyTorch. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class CommandsPackageTest {

    @TempDir
    private Path directory;

    @RegisterExtension
    final CommandRuns runs = new CommandRuns();

    private CommandRun hivemind(String... arguments) throws IOException {
        return runs.start(directory, Map.of(), arguments);
    }

    private static String gone() throws IOException {
        try (var gone = new ServerSocket(0)) {
            return "127.0.0.1:" + gone.getLocalPort();
        }
    }

    @Test
    void version_tellsWhatItIsMadeOf() throws Exception {
        assertThat(hivemind("--version").success())
                .hasSize(4)
                .first()
                .asString()
                .startsWith("hivemind ");
    }

    @Test
    void misspelledCommand_suggestsTheRightOne() throws Exception {
        assertThat(hivemind("pnig", "127.0.0.1:1337").failure(ExitCodes.USAGE)).contains("Did you mean 'ping'?");
    }

    @Test
    void completion_isAScriptThatBashUnderstands() throws Exception {
        CommandRun completion = hivemind("completion", "bash");
        completion.success();

        CommandRun bash = runs.startProgram(
                directory, List.of("bash", "-n", completion.out().toString()));

        assertThat(bash.success()).isEmpty();
        assertThat(hivemind("completion", "fish").failure(ExitCodes.USAGE)).contains("SHELL");
    }

    @Test
    void server_onAPortInUse_namesIt() throws Exception {
        try (var taken = new ServerSocket(0)) {
            String address = "127.0.0.1:" + taken.getLocalPort();

            assertThat(hivemind("server", "--num-experts", "1", "--listen-on", address)
                            .failure(ExitCodes.FAILED))
                    .contains(address);
        }
    }

    @Test
    void server_whoseInitialPeerIsGone_namesItAndExitsWithThree() throws Exception {
        String address = gone();

        assertThat(hivemind("server", "--num-experts", "1", "--initial-peers", address)
                        .failure(ExitCodes.NO_PEER))
                .contains(address);
    }

    @Test
    void server_ofAnUnknownExpertClass_namesTheKnownOnes() throws Exception {
        assertThat(hivemind("server", "--expert-class", "transformer").failure(ExitCodes.USAGE))
                .contains("ffn");
    }

    @Test
    void server_withExpertsTooLargeToTravel_saysSo() throws Exception {
        assertThat(hivemind("server", "--hidden-dim", "70000").failure(ExitCodes.USAGE))
                .contains("hidden-dim");
    }

    @Test
    void demo_withADirectoryWithoutData_namesTheMissingFile() throws Exception {
        assertThat(hivemind("demo", "--data", directory.toString()).failure(ExitCodes.FAILED))
                .contains("train-images");
    }

    @Test
    void demo_ofAFewSteps_printsAResultAndLeavesNoProcess() throws Exception {
        String seed = "8675309" + ProcessHandle.current().pid();

        List<String> lines = hivemind(
                        "demo",
                        "--json",
                        "--no-dashboard",
                        "--steps",
                        "20",
                        "--servers",
                        "2",
                        "--experts",
                        "4",
                        "--seed",
                        seed)
                .success();

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

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void bench_showsTheRowsOfTheBenchmarks() throws Exception {
        List<String> lines = bench("""
                echo "preset $3" >&2
                case $1 in
                throughput)
                    echo '{"benchmark":"throughput","jdk":"17","os":"Linux","cpu":"A CPU","cores":2}'
                    echo '{"preset":"nop","steady":183500.0,"ratio":null,"cpuMillisPerCall":19.6,"p50":42.7}' ;;
                dht)
                    echo '{"nodes":8,"signed":"true","storeMillis":1.0,"getMillis":0.25}'
                    echo '{"nodes":8,"signed":"true","storeMillis":2.0,"getMillis":0.25}' ;;
                esac
                """, "--preset", "nop,dht", "--nodes", "8").success();

        assertThat(lines)
                .contains("2 cores of A CPU, Linux, Java 17")
                .anyMatch(line -> line.matches("nop +183500 +- +19\\.6 +42\\.7 .*"))
                .anyMatch(line -> line.matches("8 nodes, signed +1\\.50 +0\\.250 .*"));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void bench_thatFails_saysWhy() throws Exception {
        assertThat(bench("echo 'There is no Maven.' >&2; exit 1", "--json").failure(ExitCodes.FAILED))
                .contains("code 1", "There is no Maven.");
        assertThat(hivemind("bench", "--preset", "latency").failure(ExitCodes.USAGE))
                .contains("did you mean 'latency_ffn'?");
    }

    /** The command in a checkout whose benchmarks are this script. */
    private CommandRun bench(String script, String... arguments) throws IOException {
        Path run = directory.resolve("benchmarks").resolve("run");
        Files.createDirectories(run.getParent());
        Files.writeString(run, "#!/bin/sh\n" + script);
        Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwx------"));
        List<String> all = new ArrayList<>(List.of("bench"));
        all.addAll(List.of(arguments));
        return runs.start(
                directory, Map.of("JDK_JAVA_OPTIONS", "-Dhivemind.home=" + directory), all.toArray(String[]::new));
    }
}
