package dev.hivemind.launcher.output;

import java.util.LinkedHashMap;
import java.util.Map;

/** Progress for programs. */
final class JsonProgressReporter implements ProgressReporter {

    private final JsonLines lines;
    private final String task;
    private final Throttle throttle;

    JsonProgressReporter(JsonLines lines, String task, Throttle throttle) {
        this.lines = lines;
        this.task = task;
        this.throttle = throttle;
    }

    @Override
    public synchronized void report(Progress progress) {
        if (!throttle.pass() && !progress.isLast()) {
            return;
        }
        var fields = new LinkedHashMap<String, Object>();
        fields.put("event", "step");
        fields.put("task", task);
        fields.put("step", progress.step());
        fields.put("steps", progress.steps());
        fields.put("loss", progress.loss());
        fields.put("accuracy", progress.accuracy());
        fields.put("samplesPerSecond", progress.samplesPerSecond());
        fields.put("expertsAnswering", progress.expertsAnswering());
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
