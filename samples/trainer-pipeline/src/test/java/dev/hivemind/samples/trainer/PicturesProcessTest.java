package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The sample as users run it: a process, its output and its exit code. */
class PicturesProcessTest {

    private static final long TIMEOUT_SECONDS = 120;

    @TempDir
    private Path directory;

    private int run(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dai.djl.offline=true",
                "-cp",
                System.getProperty("java.class.path"),
                Pictures.class.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .redirectOutput(out().toFile())
                .redirectError(err().toFile())
                .start();
        try {
            assertThat(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)).isTrue();
            return process.exitValue();
        } finally {
            process.destroyForcibly();
        }
    }

    private Path out() {
        return directory.resolve("out");
    }

    private Path err() {
        return directory.resolve("err");
    }

    private static String nobodysAddress() throws IOException {
        try (var gone = new ServerSocket(0)) {
            return "127.0.0.1:" + gone.getLocalPort();
        }
    }

    @Test
    void main_whereNobodyListens_countsDownAndExitsWithThree() throws Exception {
        String address = nobodysAddress();

        assertThat(run(address, "1", "--wait", "3")).isEqualTo(3);

        assertThat(Files.readAllLines(out()))
                .filteredOn(line -> line.startsWith("Giving up in "))
                .isNotEmpty()
                .allMatch(line -> line.matches("Giving up in [0-3] s: None of the initial peers answers: .*")
                        && line.contains(address));
        assertThat(Files.readString(err()))
                .contains("None of the initial peers answers: " + address)
                .doesNotContain("\tat ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "here",
                "127.0.0.1:1 none",
                "127.0.0.1:1 0",
                "127.0.0.1:1 1 --resume",
                "127.0.0.1:1 --report-to",
                "127.0.0.1:1 --epochs",
                "127.0.0.1:1 1 run more"
            })
    void parse_whatMakesNoSense_saysWhy(String arguments) {
        String[] words = arguments.isEmpty() ? new String[0] : arguments.split(" ");

        assertThatThrownBy(() -> PicturesOptions.parse(words)).isInstanceOf(IllegalArgumentException.class);
    }
}
