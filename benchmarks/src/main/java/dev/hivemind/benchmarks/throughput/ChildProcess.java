package dev.hivemind.benchmarks.throughput;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A Java process that is told by lines what to do, and answers each by a line. Ends with this process at the latest. */
final class ChildProcess implements AutoCloseable {

    private static final int NATIVE_ACCESS_JAVA = 22;
    private static final int END_SECONDS = 20;

    private final Process process;
    private final PrintWriter commands;
    private final BufferedReader answers;

    private ChildProcess(Process process) {
        this.process = process;
        this.commands = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
        this.answers = process.inputReader(StandardCharsets.UTF_8);
    }

    /**
     * Starts a class of the same class path, with the options that {@code ./hivemind} gives to Java.
     *
     * @param optionsVariable name of an environment variable with more options of Java, such as a recording
     */
    static ChildProcess start(Class<?> main, String optionsVariable, Object... arguments) throws IOException {
        List<String> command = new ArrayList<>(options());
        command.addAll(moreOptions(optionsVariable));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        Arrays.stream(arguments).map(String::valueOf).forEach(command::add);
        var builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("OPT_OUT_TRACKING", "true");
        return new ChildProcess(builder.start());
    }

    private static List<String> options() {
        List<String> options = new ArrayList<>();
        options.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        options.add("-XX:+UseSerialGC");
        options.add("-Xmn32m");
        options.add("-Dlogback.configurationFile=logback.xml");
        options.add("-Dai.djl.offline=true");
        options.add("-Dai.djl.pytorch.graph_optimizer=false");
        options.add("-Dio.netty.tryReflectionSetAccessible=true");
        options.add("--add-opens=java.base/java.nio=ALL-UNNAMED");
        if (Runtime.version().feature() >= NATIVE_ACCESS_JAVA) {
            options.add("--enable-native-access=ALL-UNNAMED");
        }
        return options;
    }

    private static List<String> moreOptions(String variable) {
        String options = System.getenv().getOrDefault(variable, "").strip();
        return options.isEmpty() ? List.of() : List.of(options.split("\\s+", -1));
    }

    /** Waits for the line by which the process says that it is ready, or for the answer to a command. */
    Figures answer() throws IOException {
        String line = answers.readLine();
        if (line == null) {
            throw new IOException("The process %d has ended".formatted(process.pid()));
        }
        return Figures.parse(line);
    }

    /** Has something done, and waits for the answer. */
    Figures tell(String command, double... arguments) throws IOException {
        var line = new StringBuilder(command);
        Arrays.stream(arguments).forEach(argument -> line.append(' ').append(argument));
        commands.println(line);
        return answer();
    }

    @Override
    public void close() throws IOException {
        commands.close();
        try {
            process.waitFor(END_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            process.destroyForcibly();
            answers.close();
        }
    }
}
