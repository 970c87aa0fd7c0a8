package dev.hivemind.launcher.bench;

import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.output.StatusLine;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The program that measures.
 *
 * @param file that is started
 */
record BenchmarkProgram(Path file) {

    /** Names the directory of the checkout; otherwise it is looked for above this program's own file. */
    static final String HOME = "hivemind.home";

    private static final Path PLACE = Path.of("benchmarks", "run");

    /** @throws LauncherException if there is none */
    static BenchmarkProgram find() {
        for (Path directory = start(); directory != null; directory = directory.getParent()) {
            Path file = directory.resolve(PLACE);
            if (Files.isExecutable(file)) {
                return new BenchmarkProgram(file);
            }
        }
        throw new LauncherException(
                "There is no %s that can be started: run this command from a checkout of hivemind, on Linux or macOS"
                        .formatted(PLACE));
    }

    private static @Nullable Path start() {
        String home = System.getProperty(HOME);
        if (home != null) {
            return Path.of(home);
        }
        try {
            return Path.of(BenchmarkProgram.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
        } catch (URISyntaxException odd) {
            return null;
        }
    }

    /**
     * Runs it to its end; it ends with this process at the latest.
     *
     * @param rows is told each line that it prints
     * @param progress shows what it is doing
     * @throws LauncherException if it fails
     */
    void run(List<String> arguments, Consumer<String> rows, StatusLine progress) {
        List<String> command = new ArrayList<>(List.of(file.toString()));
        command.addAll(arguments);
        try {
            run(new ProcessBuilder(command).start(), rows, progress);
        } catch (IOException e) {
            throw new LauncherException("%s cannot be started: %s".formatted(file, e.getMessage()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LauncherException("The benchmark was interrupted", e);
        }
    }

    private void run(Process process, Consumer<String> rows, StatusLine progress)
            throws IOException, InterruptedException {
        var hook = new Thread(() -> end(process), "hivemind-benchmark-end");
        Runtime.getRuntime().addShutdownHook(hook);
        var last = new LastLine(progress);
        try {
            var errors = last.follow(process.errorReader(StandardCharsets.UTF_8));
            try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
                lines.lines().forEach(rows);
            }
            int code = process.waitFor();
            errors.join();
            if (code != 0) {
                throw new LauncherException("The benchmark ended with code %d: %s".formatted(code, last.text()));
            }
        } finally {
            progress.end();
            end(process);
            forget(hook);
        }
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            // It runs just now, and finds the process ended.
        }
    }

    private static void end(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    /** Shows lines as progress, and remembers the last of them. */
    private static final class LastLine {

        private final StatusLine progress;
        private volatile String text = "it said nothing";

        LastLine(StatusLine progress) {
            this.progress = progress;
        }

        String text() {
            return text;
        }

        Thread follow(BufferedReader lines) {
            var reader = new Thread(
                    () -> lines.lines().filter(line -> !line.isBlank()).forEach(this::show),
                    "hivemind-benchmark-progress");
            reader.setDaemon(true);
            reader.start();
            return reader;
        }

        private void show(String line) {
            text = line.strip();
            progress.show(text);
        }
    }
}
