package dev.hivemind.benchmarks.pipeline;

import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.report.ReportWriter;
import dev.hivemind.moe.training.report.TrainingEvents;
import dev.hivemind.rsocket.events.EventFeed;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Comparator;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.Stream;
import reactor.core.Disposable;

/** All that a training tells of each step: two files, a subscriber of events, and a line of progress. */
final class Reporting implements Consumer<StepReport>, AutoCloseable {

    private final Path directory;
    private final ReportWriter lines;
    private final ReportWriter tensorBoard;
    private final TrainingEvents events;
    private final Disposable subscriber;
    private final PrintStream screen = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);

    Reporting() throws IOException {
        directory = Files.createTempDirectory("hivemind-benchmark-");
        lines = ReportWriter.jsonLines(directory.resolve("reports.jsonl"));
        tensorBoard = ReportWriter.tensorBoard(directory);
        var feed = new EventFeed(Clock.systemUTC());
        subscriber = feed.events().subscribe();
        events = new TrainingEvents(feed, "benchmark");
    }

    @Override
    public void accept(StepReport report) {
        lines.accept(report);
        tensorBoard.accept(report);
        events.accept(report);
        screen.printf(
                Locale.ROOT,
                "%d steps, loss %.4f, %.0f samples/s%n",
                report.step(),
                report.loss(),
                report.totals().samplesPerSecond());
    }

    @Override
    public void close() throws IOException {
        subscriber.dispose();
        lines.close().then(tensorBoard.close()).block();
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
