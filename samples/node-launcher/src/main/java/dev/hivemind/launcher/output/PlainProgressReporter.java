package dev.hivemind.launcher.output;

import java.io.PrintStream;
import java.util.Locale;
import java.util.Map;

/** Progress for logs: a line every so often. */
final class PlainProgressReporter implements ProgressReporter {

    private final PrintStream out;
    private final String task;
    private final Throttle throttle;

    PlainProgressReporter(PrintStream out, String task, Throttle throttle) {
        this.out = out;
        this.task = task;
        this.throttle = throttle;
    }

    @Override
    public synchronized void report(Progress progress) {
        if (throttle.pass() || progress.isLast()) {
            print("%s: step %d of %d, %s".formatted(task, progress.step(), progress.steps(), describe(progress)));
        }
    }

    private static String describe(Progress progress) {
        return String.format(
                Locale.ROOT,
                "loss %.3f, accuracy %.1f %%, %.0f samples/s, %d experts answering",
                progress.loss(),
                100 * progress.accuracy(),
                progress.samplesPerSecond(),
                progress.expertsAnswering());
    }

    @Override
    public synchronized void event(String event, String text, Map<String, ?> fields) {
        print(text);
    }

    private void print(String line) {
        out.println(line);
        out.flush();
    }

    @Override
    public void close() {}
}
