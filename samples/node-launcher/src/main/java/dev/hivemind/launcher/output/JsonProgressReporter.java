package dev.hivemind.launcher.output;

import java.util.LinkedHashMap;
import java.util.Map;

/** Progress for programs. */
final class JsonProgressReporter implements ProgressReporter {

    private final JsonLines lines;
    private final Throttle throttle;

    JsonProgressReporter(JsonLines lines, Throttle throttle) {
        this.lines = lines;
        this.throttle = throttle;
    }

    @Override
    public synchronized void report(StepProgress progress) {
        if (!throttle.pass() && !progress.isLast()) {
            return;
        }
        var fields = new LinkedHashMap<String, Object>();
        fields.put("event", "step");
        fields.put("step", progress.step());
        fields.put("steps", progress.steps());
        fields.put("loss", progress.loss());
        fields.put("accuracy", progress.accuracy());
        fields.put("samplesPerSecond", progress.samplesPerSecond());
        fields.put("expertsAlive", progress.expertsAlive());
        lines.write(fields);
    }

    @Override
    public void event(String event, String text, Map<String, ?> fields) {
        var all = new LinkedHashMap<String, Object>();
        all.put("event", event);
        all.putAll(fields);
        lines.write(all);
    }

    @Override
    public void close() {}
}
