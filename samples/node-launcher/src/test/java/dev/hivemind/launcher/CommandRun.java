package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A command as users run it: a process of its own, whose output goes to files.
 *
 * @param process that runs, or has run
 */
public record CommandRun(Process process, Path out, Path err) implements AutoCloseable {

    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin", "java");
    private static final long TIMEOUT_SECONDS = 120;

    /** Starts a command, whose output goes to new files in a directory. */
    public static CommandRun start(Path directory, Map<String, String> environment, String... arguments)
            throws IOException {
        Path out = Files.createTempFile(directory, "out", "");
        Path err = Files.createTempFile(directory, "err", "");
        var builder = new ProcessBuilder(commandLine(arguments))
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("HIVEMIND_"));
        builder.environment().put("OPT_OUT_TRACKING", "true");
        builder.environment().putAll(environment);
        return new CommandRun(builder.start(), out, err);
    }

    /** The words that start a command. */
    public static List<String> commandLine(String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                JAVA.toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dai.djl.offline=true",
                "-Dai.djl.pytorch.graph_optimizer=false",
                "-cp",
                System.getProperty("java.class.path"),
                Hivemind.class.getName()));
        command.addAll(List.of(arguments));
        return command;
    }

    /** Waits for the end of a command, and tells its exit code. */
    public int exitCode() throws InterruptedException {
        assertThat(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS))
                .as("ended in time")
                .isTrue();
        return process.exitValue();
    }

    /** What it has printed so far. */
    public List<String> output() throws IOException {
        return Files.readAllLines(out);
    }

    /** What it has complained of so far. */
    public List<String> errors() throws IOException {
        return Files.readAllLines(err);
    }

    /** Expects that it ended well, and tells what it printed. */
    public List<String> success() throws Exception {
        int code = exitCode();
        assertThat(code).as(Files.readString(err)).isZero();
        return output();
    }

    /** Expects that it ended with this code and one line, and tells the line. */
    public String failure(int expectedCode) throws Exception {
        int code = exitCode();
        assertThat(code).as(Files.readString(err)).isEqualTo(expectedCode);
        assertThat(Files.readString(err)).doesNotContain("\tat ");
        List<String> lines =
                errors().stream().filter(line -> line.startsWith("hivemind: ")).toList();
        assertThat(lines).hasSize(1);
        return lines.get(0);
    }

    /** Kills it, if it still runs. */
    @Override
    public void close() {
        process.destroyForcibly();
    }
}
