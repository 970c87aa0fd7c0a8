package dev.hivemind.launcher;

import dev.hivemind.launcher.Demo.DemoResult;
import dev.hivemind.launcher.Demo.MixtureOutcome;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.output.ProgressReporter;
import dev.hivemind.launcher.output.ResultTable;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the demo shows: a story for people, or one JSON object a line for programs. Used by one thread. */
final class DemoDisplay {

    private final PrintStream out;
    private final boolean json;
    private @Nullable ProgressReporter running;

    DemoDisplay(PrintStream out, boolean json) {
        this.out = out;
        this.json = json;
    }

    /** A sentence that only people need. */
    void say(String text) {
        if (!json) {
            out.println(text);
        }
    }

    /** Progress of one task, through which events are shown until the next begins. */
    ProgressReporter progress(String task, int steps) {
        running = json ? ProgressReporter.json(out, task) : ProgressReporter.text(out, task, steps);
        return running;
    }

    /** Something that happened while a task runs. */
    void event(String event, String text, Map<String, ?> fields) {
        if (running != null) {
            running.event(event, text, fields);
        }
    }

    /** Where browsers find the dashboard. */
    void dashboard(String url) {
        tell("dashboard", "Watch the swarm in a browser: " + url, Map.of("url", url));
    }

    /** There is no dashboard, though there was to be one. */
    void noDashboard(String reason) {
        tell(
                "dashboard-failed",
                "The dashboard could not be started%s The demo goes on without it.".formatted(reason),
                Map.of("reason", reason));
    }

    private void tell(String event, String text, Map<String, ?> fields) {
        if (running != null) {
            running.event(event, text, fields);
        } else if (json) {
            Map<String, Object> all = new LinkedHashMap<>();
            all.put("event", event);
            all.putAll(fields);
            new JsonLines(out).write(all);
        } else {
            say(text);
        }
    }

    void trained(String task, double accuracy, double seconds) {
        if (json) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("event", "trained");
            fields.put("task", task);
            fields.put("testAccuracy", accuracy);
            fields.put("seconds", seconds);
            new JsonLines(out).write(fields);
        } else {
            say("%s: %s of the test pictures recognised, after %.0f s.".formatted(task, percent(accuracy), seconds));
        }
    }

    void result(DemoResult result) {
        if (json) {
            new JsonLines(out).write(fields(result));
        } else {
            out.print("\n" + table(result) + "\n" + summary(result.mixture()) + "\n");
            out.flush();
        }
    }

    private static Map<String, Object> fields(DemoResult result) {
        MixtureOutcome mixture = result.mixture();
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("event", "result");
        fields.put("testAccuracy", mixture.accuracy());
        fields.put("linearAccuracy", result.linearAccuracy());
        fields.put("frozenAccuracy", result.frozenAccuracy());
        fields.put("steps", result.steps());
        fields.put("seconds", mixture.seconds());
        fields.put("samplesPerSecond", mixture.samplesPerSecond());
        fields.put("remoteCalls", mixture.remoteCalls());
        fields.put("failedCalls", mixture.failedCalls());
        fields.put("expertsUsed", mixture.expertsUsed());
        fields.put("serversKilled", mixture.serversKilled());
        return fields;
    }

    private static String table(DemoResult result) {
        return new ResultTable("Model", "Test accuracy", "Steps")
                .row("Mixture of remote experts", percent(result.mixture().accuracy()), steps(result))
                .row("The same without experts", percent(result.linearAccuracy()), steps(result))
                .row("The same with frozen random experts", percent(result.frozenAccuracy()), steps(result))
                .format();
    }

    private static String steps(DemoResult result) {
        return String.valueOf(result.steps());
    }

    private static String summary(MixtureOutcome mixture) {
        return String.format(
                Locale.ROOT,
                "The mixture: %.0f samples/s, %d calls to experts, %d of them failed, %d experts used, %d server killed.",
                mixture.samplesPerSecond(),
                mixture.remoteCalls(),
                mixture.failedCalls(),
                mixture.expertsUsed(),
                mixture.serversKilled());
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.2f %%", 100 * share);
    }
}
