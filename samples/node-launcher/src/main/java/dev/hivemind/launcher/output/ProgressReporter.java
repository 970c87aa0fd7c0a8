package dev.hivemind.launcher.output;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Map;

/**
 * Shows how training goes. Each {@link #report} may be shown or left out, so it can be called after every step; the
 * last step is always shown. Safe for use from any thread.
 */
public sealed interface ProgressReporter extends AutoCloseable
        permits ProgressBarReporter, PlainProgressReporter, JsonProgressReporter {

    /** Takes note of a step. */
    void report(Progress progress);

    /**
     * Tells of something that happened, at once.
     *
     * @param event its name for programs, for example {@code server-killed}
     * @param text a sentence for people
     * @param fields details for programs, as {@link JsonLines} takes them
     */
    void event(String event, String text, Map<String, ?> fields);

    /** Ends the display; what was shown stays. Idempotent. */
    @Override
    void close();

    /** One JSON object a line: {@code {"event":"step",...}} at most every second, and each event. */
    static ProgressReporter json(PrintStream out, String task) {
        return new JsonProgressReporter(
                new JsonLines(out), task, new Throttle(Duration.ofSeconds(1), System::nanoTime));
    }

    /** A bar that redraws itself when a person watches, otherwise a plain line every five seconds. */
    static ProgressReporter text(PrintStream out, String task, int steps) {
        return Terminal.isInteractive()
                ? new ProgressBarReporter(out, task, steps)
                : new PlainProgressReporter(out, task, new Throttle(Duration.ofSeconds(5), System::nanoTime));
    }
}
