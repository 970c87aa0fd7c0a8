package dev.hivemind.moe.training.report;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.training.StepReport;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Writes reports to a file on a thread of its own. At most 1,024 reports wait; then the oldest is dropped, and the next one
 * written says how many were. A file that cannot be written is warned of once, and then no more is written: training goes on.
 * Safe for use from any thread.
 */
public final class ReportWriter implements Consumer<StepReport> {

    /** Reports that wait to be written. */
    static final int CAPACITY = 1_024;

    /** How long closing waits for the file. */
    static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);

    private static final Logger LOG = LoggerFactory.getLogger(ReportWriter.class);

    private final Path file;
    private final ReportFormat format;
    private final Output output;
    private final Clock clock;
    private final Sinks.Empty<Void> written = Sinks.empty();

    /** Guarded by itself, as is all below; whoever changes anything wakes the writing thread. */
    private final Deque<Waiting> waiting = new ArrayDeque<>();

    private long missed;
    private boolean closing;
    private boolean failed;

    private record Waiting(StepReport report, Instant time, long missedBefore) {}

    /** Opens what is written to. */
    @FunctionalInterface
    interface Output {

        OutputStream open(Path file) throws IOException;
    }

    ReportWriter(Path file, ReportFormat format, Output output, Clock clock) {
        this.file = file;
        this.format = format;
        this.output = output;
        this.clock = clock;
    }

    /**
     * A writer of one JSON object for each step, at the end of a file if there is one already; half a line that a process
     * left there when it was killed is cut off. Fields are those of {@link StepReport} and its totals, the time, and
     * {@code missed}, the number of steps missing before this one.
     */
    public static ReportWriter jsonLines(Path file) {
        return new ReportWriter(
                        requireNonNull(file, "file"),
                        new JsonLinesFormat(),
                        ReportWriter::appendLines,
                        Clock.systemUTC())
                .start();
    }

    /** A writer of scalars for TensorBoard, in a new event file of a directory; each run has a directory of its own. */
    public static ReportWriter tensorBoard(Path directory) {
        Clock clock = Clock.systemUTC();
        Path file = directory.resolve("events.out.tfevents.%010d.%s.%d"
                .formatted(
                        clock.instant().getEpochSecond(),
                        hostName(),
                        ProcessHandle.current().pid()));
        return new ReportWriter(file, new TensorBoardFormat(), ReportWriter::append, clock).start();
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    private static OutputStream appendLines(Path file) throws IOException {
        TornLine.mend(file);
        return append(file);
    }

    private static OutputStream append(Path file) throws IOException {
        Path directory = file.toAbsolutePath().getParent();
        if (directory != null) {
            Files.createDirectories(directory);
        }
        return new BufferedOutputStream(
                Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND));
    }

    ReportWriter start() {
        var thread = new Thread(this::write, "hivemind-reports");
        thread.setDaemon(true);
        thread.start();
        return this;
    }

    /** Where the reports go. */
    public Path file() {
        return file;
    }

    /** Hands a report over to be written, and returns at once. Without effect after {@link #close()}. */
    @Override
    public void accept(StepReport report) {
        synchronized (waiting) {
            if (closing || failed) {
                return;
            }
            if (waiting.size() == CAPACITY) {
                waiting.removeFirst();
                missed++;
            }
            waiting.addLast(new Waiting(report, clock.instant(), 0));
            waiting.notifyAll();
        }
    }

    /**
     * Completes when what waits has been written and the file is closed, or after 10 seconds with a warning: a disk that
     * hangs keeps nobody waiting. Idempotent; never fails.
     */
    public Mono<Void> close() {
        return Mono.defer(() -> {
            synchronized (waiting) {
                closing = true;
                waiting.notifyAll();
            }
            return written.asMono().timeout(CLOSE_TIMEOUT, Mono.fromRunnable(this::tellOfTimeout));
        });
    }

    private void tellOfTimeout() {
        LOG.warn(
                "Reports were not written to {} within {} s. The last ones may be missing there.",
                file,
                CLOSE_TIMEOUT.toSeconds());
    }

    private void write() {
        try (OutputStream out = output.open(file)) {
            format.begin(out, clock.instant());
            writeAll(out);
        } catch (IOException e) {
            LOG.warn("Reports can no longer be written to {} ({}). Training goes on.", file, e.toString());
        } finally {
            giveUp();
            written.tryEmitEmpty();
        }
    }

    private void writeAll(OutputStream out) throws IOException {
        Waiting next = await();
        while (next != null) {
            format.write(out, next.time(), next.report(), next.missedBefore());
            if (isQuiet()) {
                out.flush();
            }
            next = await();
        }
    }

    /** The next report; null when there will be none. */
    private @Nullable Waiting await() {
        synchronized (waiting) {
            while (waiting.isEmpty() && !closing) {
                try {
                    waiting.wait();
                } catch (InterruptedException e) {
                    closing = true;
                }
            }
            return poll();
        }
    }

    /** What was dropped is older than all that waits. */
    private @Nullable Waiting poll() {
        Waiting next = waiting.pollFirst();
        if (next == null || missed == 0) {
            return next;
        }
        long count = missed;
        missed = 0;
        return new Waiting(next.report(), next.time(), count);
    }

    private boolean isQuiet() {
        synchronized (waiting) {
            return waiting.isEmpty();
        }
    }

    private void giveUp() {
        synchronized (waiting) {
            failed = true;
            waiting.clear();
        }
    }
}
