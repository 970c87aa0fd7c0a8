package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * A command as users run it: a process of its own, whose output goes to files.
 *
 * @param process that runs, or has run
 */
public record CommandRun(Process process, Path out, Path err) implements AutoCloseable {

    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin", "java");
    private static final long TIMEOUT_SECONDS = 120;
    private static final int NATIVE_ACCESS_JAVA = 22;

    /** Starts a command, whose output goes to new files in a directory. */
    public static CommandRun start(Path directory, Map<String, String> environment, String... arguments)
            throws IOException {
        return startProgram(directory, environment, commandLine(arguments));
    }

    /** The words that start a command, from the package if there is one, else from the classes that are tested. */
    public static List<String> commandLine(String... arguments) {
        List<String> command = new ArrayList<>(java());
        String jar = System.getProperty("hivemind.package");
        command.addAll(
                jar == null
                        ? List.of("-cp", System.getProperty("java.class.path"), Hivemind.class.getName())
                        : List.of("-jar", jar));
        command.addAll(List.of(arguments));
        return command;
    }

    /** Java with the options that the {@code hivemind} script gives it for short commands. */
    public static List<String> java() {
        List<String> command = new ArrayList<>(List.of(
                JAVA.toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dai.djl.offline=true",
                "-Dai.djl.pytorch.graph_optimizer=false",
                "-Dio.netty.tryReflectionSetAccessible=true",
                "--add-opens=java.base/java.nio=ALL-UNNAMED"));
        if (Runtime.version().feature() >= NATIVE_ACCESS_JAVA) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        return command;
    }

    /** Starts any program, whose output goes to new files in a directory. */
    public static CommandRun startProgram(Path directory, Map<String, String> environment, List<String> command)
            throws IOException {
        Path out = Files.createTempFile(directory, "out", "");
        Path err = Files.createTempFile(directory, "err", "");
        var builder = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("HIVEMIND_"));
        builder.environment().put("OPT_OUT_TRACKING", "true");
        builder.environment().putAll(environment);
        return new CommandRun(builder.start(), out, err);
    }

    /** Waits until it has printed a line that begins so, and tells the line. */
    public String await(String beginning) throws Exception {
        while (true) {
            boolean ended = !process.isAlive();
            var found =
                    output().stream().filter(line -> line.startsWith(beginning)).findFirst();
            if (found.isPresent()) {
                return found.get();
            }
            assertThat(ended).as(errors() + " " + output()).isFalse();
            process.waitFor(50, TimeUnit.MILLISECONDS);
        }
    }

    /** The JSON objects that it has printed so far. */
    public List<Map<?, ?>> json() throws IOException {
        var objects = new ArrayList<Map<?, ?>>();
        for (String line : output()) {
            Object object = new Load(LoadSettings.builder().build()).loadFromString(line);
            assertThat(object).as(line).isInstanceOf(Map.class);
            objects.add((Map<?, ?>) object);
        }
        return objects;
    }

    /** Sends it the signal of Ctrl-C. */
    public void interrupt() throws Exception {
        new ProcessBuilder("kill", "-INT", String.valueOf(process.pid()))
                .start()
                .waitFor();
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
