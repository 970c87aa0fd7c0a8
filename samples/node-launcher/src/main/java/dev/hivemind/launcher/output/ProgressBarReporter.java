package dev.hivemind.launcher.output;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Progress for people at a terminal: one line that redraws itself, and events above it. */
final class ProgressBarReporter implements ProgressReporter {

    private static final Duration REDRAW_INTERVAL = Duration.ofMillis(250);
    private static final String CLEAR_LINE = "\r\033[2K";

    private final PrintStream out;
    private final ProgressBar bar;

    ProgressBarReporter(PrintStream out, String task, int steps) {
        this.out = out;
        this.bar = new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(steps)
                .setStyle(ProgressBarStyle.ASCII)
                .hideEta()
                .setUpdateIntervalMillis((int) REDRAW_INTERVAL.toMillis())
                .setConsumer(new ConsoleProgressBarConsumer(out))
                .build();
    }

    @Override
    public synchronized void report(Progress progress) {
        bar.stepTo(progress.step());
        bar.setExtraMessage(" " + describe(progress));
    }

    /** Short enough to leave room for the bar on a terminal of 80 columns. */
    private static String describe(Progress progress) {
        return String.format(
                Locale.ROOT,
                "loss %.2f, %.1f %%, %.0f/s, %d experts",
                progress.loss(),
                100 * progress.accuracy(),
                progress.samplesPerSecond(),
                progress.expertsAnswering());
    }

    @Override
    public synchronized void event(String event, String text, Map<String, ?> fields) {
        out.print(CLEAR_LINE + text + System.lineSeparator());
        bar.refresh();
    }

    @Override
    public synchronized void close() {
        bar.close();
    }
}
