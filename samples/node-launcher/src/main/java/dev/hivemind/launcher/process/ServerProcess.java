package dev.hivemind.launcher.process;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A child process that serves. Two daemon threads read what it prints, so that it never waits for a reader. Safe for
 * use from any thread. Made by {@link ChildProcesses#start}, which also sees to its end.
 */
public final class ServerProcess {

    private static final Logger log = LoggerFactory.getLogger(ServerProcess.class);
    private static final Duration LAST_WORDS = Duration.ofSeconds(2);
    private static final String OWN_PREFIX = "hivemind: ";

    private final String name;
    private final Process process;
    private final CompletableFuture<ReadyLine> ready = new CompletableFuture<>();
    private final Thread errorReader;
    private volatile String lastErrorLine = "";

    ServerProcess(String name, Process process) {
        this.name = name;
        this.process = process;
        startReader("out", process.getInputStream(), this::onOutputLine, this::onOutputEnd);
        this.errorReader = startReader("err", process.getErrorStream(), this::onErrorLine, () -> {});
    }

    /** The name that people know it by, for example {@code server 2}. */
    public String name() {
        return name;
    }

    /** The system's number for the process. */
    public long pid() {
        return process.pid();
    }

    /** Whether the process still runs. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /** Completes with the exit code when the process has ended. */
    public CompletableFuture<Integer> onExit() {
        return process.onExit().thenApply(Process::exitValue);
    }

    /**
     * Waits for the child's ready line and tells the addresses in it. A child that takes longer is killed.
     *
     * @throws ChildProcessException if the process ends before it is ready, or takes longer than the timeout; quotes
     *     the last line that it wrote to standard error
     */
    public List<PeerAddress> awaitReady(Duration timeout) throws InterruptedException {
        try {
            return ready.get(timeout.toMillis(), TimeUnit.MILLISECONDS).addresses();
        } catch (TimeoutException late) {
            killNow();
            throw new ChildProcessException(
                    "%s was not ready after %d s and was stopped%s".formatted(name, timeout.toSeconds(), lastWords()),
                    late);
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof ChildProcessException known) {
                killNow();
                throw known;
            }
            throw new ChildProcessException("%s ended before it was ready%s".formatted(name, lastWords()), failed);
        }
    }

    /**
     * Completes when the child says that it serves, on a thread that reads what it prints. Completes with an error if it ends
     * before or says nonsense; {@link #lastWords()} may know more then.
     */
    public CompletableFuture<ReadyLine> onReady() {
        return ready.copy();
    }

    /** Kills the process without any notice: nothing is drained or taken back. Returns at once; idempotent. */
    public void killNow() {
        process.destroyForcibly();
    }

    /**
     * Asks the process to end by closing its standard input, and kills it if it is still there after a while.
     * Idempotent.
     */
    public void stop(Duration grace) {
        closeInput();
        awaitEnd(grace);
    }

    void closeInput() {
        try {
            process.getOutputStream().close();
        } catch (IOException alreadyGone) {
            log.debug("The input of {} was closed before", name, alreadyGone);
        }
    }

    void awaitEnd(Duration grace) {
        try {
            if (process.waitFor(grace.toMillis(), TimeUnit.MILLISECONDS)) {
                return;
            }
            log.warn("{} did not end within {} ms and is killed", name, grace.toMillis());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        killNow();
    }

    private void onOutputLine(String line) {
        log.debug("{}: {}", name, line);
        if (ready.isDone()) {
            return;
        }
        try {
            ReadyLine.parse(line).ifPresent(ready::complete);
        } catch (ChildProcessException malformed) {
            ready.completeExceptionally(malformed);
        }
    }

    private void onOutputEnd() {
        ready.completeExceptionally(new IOException("The output has ended"));
    }

    private void onErrorLine(String line) {
        log.info("{}: {}", name, line);
        if (!line.isBlank()) {
            lastErrorLine = line.strip();
        }
    }

    /** The exit code of a child that has ended, and the last line that it wrote to standard error, for people. */
    public String lastWords() throws InterruptedException {
        process.waitFor(LAST_WORDS.toMillis(), TimeUnit.MILLISECONDS);
        errorReader.join(LAST_WORDS.toMillis());
        String words =
                lastErrorLine.startsWith(OWN_PREFIX) ? lastErrorLine.substring(OWN_PREFIX.length()) : lastErrorLine;
        String exit = process.isAlive() ? "" : " (exit code %d)".formatted(process.exitValue());
        return exit + (words.isEmpty() ? ". It said nothing." : ": " + words);
    }

    private Thread startReader(String stream, InputStream in, Consumer<String> onLine, Runnable onEnd) {
        var reader = new Thread(() -> read(in, onLine, onEnd), "hivemind-child-%s-%s".formatted(stream, name));
        reader.setDaemon(true);
        reader.start();
        return reader;
    }

    private void read(InputStream in, Consumer<String> onLine, Runnable onEnd) {
        try (var lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                onLine.accept(line);
            }
        } catch (IOException closed) {
            log.debug("Reading from {} failed", name, closed);
        } finally {
            onEnd.run();
        }
    }

    @Override
    public String toString() {
        return "%s (process %d)".formatted(name, pid());
    }
}
