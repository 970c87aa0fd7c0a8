package dev.hivemind.launcher;

import dev.hivemind.launcher.PictureTraining.Outcome;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.output.Progress;
import dev.hivemind.launcher.output.ProgressReporter;
import dev.hivemind.moe.training.Evaluation;
import java.io.PrintStream;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a training shows: progress and events for people, or one JSON object a line for programs. Safe for any thread. */
final class TrainDisplay {

    private static final String TASK = "train";

    private final PrintStream out;
    private final boolean json;
    private @Nullable ProgressReporter running;

    TrainDisplay(PrintStream out, boolean json) {
        this.out = out;
        this.json = json;
    }

    /** The steps begin. */
    synchronized void begin(int steps) {
        running = json ? ProgressReporter.json(out, TASK) : ProgressReporter.text(out, TASK, steps);
    }

    /** There are no more steps. */
    synchronized void end() {
        if (running != null) {
            running.close();
            running = null;
        }
    }

    synchronized void reached(Progress progress) {
        if (running != null) {
            running.report(progress);
        }
    }

    /** Somebody is missing, and is waited for. */
    void waiting(Throwable reason, Duration left) {
        String text = String.valueOf(reason.getMessage());
        event(
                "waiting",
                "%s Giving up in %d s.".formatted(ErrorReporter.sentence(text), left.toSeconds()),
                Map.of("reason", text, "secondsLeft", left.toSeconds()));
    }

    void resumed(int step) {
        event("resumed", "Going on after step %d.".formatted(step), Map.of("step", step));
    }

    void evaluated(int epoch, Evaluation test) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("epoch", epoch);
        fields.put("testAccuracy", test.accuracy().orElse(0));
        fields.put("testLoss", test.loss());
        event("epoch", "After epoch %d: %s".formatted(epoch, recognised(test)), fields);
    }

    private static String recognised(Evaluation test) {
        return String.format(
                Locale.ROOT,
                "%.2f %% of the test pictures recognised.",
                100 * test.accuracy().orElse(0));
    }

    private synchronized void event(String event, String text, Map<String, ?> fields) {
        if (running != null) {
            running.event(event, text, fields);
        } else if (json) {
            Map<String, Object> all = new LinkedHashMap<>();
            all.put("event", event);
            all.putAll(fields);
            new JsonLines(out).write(all);
        } else {
            out.println(text);
            out.flush();
        }
    }

    void result(Outcome outcome) {
        if (json) {
            new JsonLines(out).write(fields(outcome));
        } else {
            out.println(summary(outcome));
            out.flush();
        }
    }

    private static Map<String, @Nullable Object> fields(Outcome outcome) {
        Evaluation test = outcome.test();
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("event", "result");
        fields.put("whole", outcome.isWhole());
        fields.put("testAccuracy", test == null ? null : test.accuracy().orElse(0));
        fields.put("testLoss", test == null ? null : test.loss());
        fields.put("steps", outcome.steps());
        fields.put("seconds", outcome.seconds());
        fields.put("samplesPerSecond", outcome.samplesPerSecond());
        fields.put("remoteCalls", outcome.remoteCalls());
        fields.put("failedCalls", outcome.failedCalls());
        fields.put("lostBatches", outcome.lostBatches());
        return fields;
    }

    private static String summary(Outcome outcome) {
        Evaluation test = outcome.test();
        return String.format(
                Locale.ROOT,
                "%s after step %d: %s%.0f samples/s, %d calls to experts, %d of them failed.",
                outcome.isWhole() ? "Trained" : "Interrupted",
                outcome.steps(),
                test == null ? "" : recognised(test) + " ",
                outcome.samplesPerSecond(),
                outcome.remoteCalls(),
                outcome.failedCalls());
    }
}
