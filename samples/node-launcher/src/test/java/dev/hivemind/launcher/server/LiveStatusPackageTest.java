package dev.hivemind.launcher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.hivemind.launcher.CommandRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A server in a pseudo-terminal, which script(1) of util-linux makes. Elsewhere these tests are skipped. */
@Timeout(value = 4, unit = TimeUnit.MINUTES)
class LiveStatusPackageTest {

    private static final String CLEAR = "\r\033[2K";
    private static final String STATUS = "1 experts  0 rows/s";

    @TempDir
    private Path directory;

    private final List<Process> processes = new ArrayList<>();

    @AfterEach
    void end() {
        processes.forEach(process -> {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        });
    }

    private Process inTerminal(Map<String, String> environment, String before) throws IOException {
        Path script = Path.of("/usr/bin/script");
        assumeThat(script).isExecutable();
        assumeThat(System.getProperty("os.name")).isEqualTo("Linux");
        String command =
                CommandRun.commandLine("server", "--num-experts", "1", "--hidden-dim", "16", "--status-period", "100ms")
                        .stream()
                        .map(word -> "'" + word + "'")
                        .collect(Collectors.joining(" "));
        var builder = new ProcessBuilder(script.toString(), "-qefc", before + "exec " + command, "/dev/null")
                .redirectErrorStream(true)
                .redirectOutput(screen().toFile());
        Map<String, String> variables = new HashMap<>(Map.of("TERM", "xterm", "OPT_OUT_TRACKING", "true"));
        variables.putAll(environment);
        builder.environment().remove("NO_COLOR");
        builder.environment().putAll(variables);
        Process process = builder.start();
        processes.add(process);
        return process;
    }

    private Path screen() {
        return directory.resolve("screen");
    }

    private String awaitScreen(Process process, String text, int times) throws Exception {
        while (true) {
            String screen = Files.readString(screen());
            if (screen.split(Pattern.quote(text), -1).length > times) {
                return screen;
            }
            assertThat(process.waitFor(50, TimeUnit.MILLISECONDS)).as(screen).isFalse();
        }
    }

    @Test
    void status_onATerminal_isRedrawnInPlace() throws Exception {
        String screen = awaitScreen(inTerminal(Map.of(), ""), STATUS, 3);

        String drawn = screen.substring(screen.indexOf(STATUS));
        assertThat(drawn).contains(CLEAR).doesNotContain("\n");
        assertThat(screen).contains("\033[2m" + STATUS);
    }

    @Test
    void status_onATerminalThatIsTooNarrow_isCutByIt() throws Exception {
        String screen = awaitScreen(inTerminal(Map.of(), "stty cols 20; "), STATUS, 2);

        assertThat(screen).contains("\033[?7l");
        assertThat(screen.substring(screen.indexOf(STATUS))).doesNotContain("\n");
    }

    @Test
    void status_onATerminalThatChangesItsSize_staysInItsLine() throws Exception {
        Path go = directory.resolve("go");
        Path size = directory.resolve("size");
        Process process = inTerminal(
                Map.of(),
                "mkfifo '%s'; (read line < '%s'; stty cols 30 rows 5 < /dev/tty; stty size < /dev/tty > '%s.new'; mv '%s.new' '%s') & "
                        .formatted(go, go, size, size, size));
        awaitScreen(process, STATUS, 1);
        Files.writeString(go, "on\n");
        while (!Files.exists(size)) {
            assertThat(process.waitFor(50, TimeUnit.MILLISECONDS)).isFalse();
        }
        assertThat(size).content().isEqualTo("5 30\n");
        int before = Files.readString(screen()).split(STATUS, -1).length;

        String screen = awaitScreen(process, STATUS, before + 2);

        assertThat(screen.substring(screen.indexOf(STATUS))).doesNotContain("\n");
    }

    @Test
    void status_withNoColor_isRedrawnWithoutColours() throws Exception {
        String screen = awaitScreen(inTerminal(Map.of("NO_COLOR", "1"), ""), STATUS, 2);

        assertThat(screen).contains(CLEAR).doesNotContain("\033[2m");
    }

    @Test
    void status_onADumbTerminal_isALineEach() throws Exception {
        String screen = awaitScreen(inTerminal(Map.of("TERM", "dumb"), ""), STATUS, 2);

        assertThat(screen)
                .doesNotContain("\033")
                .contains(STATUS + "  0.0 rows a batch  0 queued  0 refused  0 peers\r\n");
    }

    @Test
    void interrupt_onATerminal_endsItWithItsOwnCode() throws Exception {
        Process process = inTerminal(Map.of(), "");
        awaitScreen(process, STATUS, 1);

        process.descendants()
                .filter(child -> child.info().command().orElse("").endsWith("java"))
                .forEach(child -> interrupt(child.pid()));

        assertThat(process.waitFor()).isEqualTo(130);
        assertThat(Files.readString(screen())).contains("Finishing the calls under way.");
    }

    private static void interrupt(long pid) {
        try {
            new ProcessBuilder("kill", "-INT", String.valueOf(pid)).start().waitFor();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
