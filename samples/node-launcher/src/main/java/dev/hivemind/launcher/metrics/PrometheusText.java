package dev.hivemind.launcher.metrics;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Statistic;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Timer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** Meters in Prometheus' text format 0.0.4. Names and units are those that Micrometer's own registry for it gives them. */
final class PrometheusText {

    private PrometheusText() {}

    /** All meters of a registry, sorted by name. */
    static String of(MeterRegistry registry) {
        Map<String, List<Meter>> byName = new TreeMap<>();
        registry.getMeters()
                .forEach(meter -> byName.computeIfAbsent(meter.getId().getName(), name -> new ArrayList<>())
                        .add(meter));
        var text = new StringBuilder();
        byName.values().forEach(meters -> appendFamily(text, meters));
        return text.toString();
    }

    private static void appendFamily(StringBuilder text, List<Meter> meters) {
        Meter first = meters.get(0);
        String name = name(first);
        switch (first.getId().getType()) {
            case TIMER -> appendTimers(text, name + "_seconds", meters);
            case COUNTER -> appendAll(text, name + "_total", "counter", meters, Statistic.COUNT);
            case GAUGE -> appendAll(text, name, "gauge", meters, Statistic.VALUE);
            default -> {
                // The toolkit has no other kinds.
            }
        }
    }

    private static void appendTimers(StringBuilder text, String name, List<Meter> meters) {
        text.append("# TYPE %s summary\n".formatted(name));
        for (Meter meter : meters) {
            if (meter instanceof Timer timer) {
                appendSample(text, name + "_count", timer, (double) timer.count());
                appendSample(text, name + "_sum", timer, timer.totalTime(TimeUnit.SECONDS));
            }
        }
        text.append("# TYPE %s_max gauge\n".formatted(name));
        for (Meter meter : meters) {
            if (meter instanceof Timer timer) {
                appendSample(text, name + "_max", timer, timer.max(TimeUnit.SECONDS));
            }
        }
    }

    private static void appendAll(
            StringBuilder text, String name, String type, List<Meter> meters, Statistic statistic) {
        text.append("# TYPE %s %s\n".formatted(name, type));
        for (Meter meter : meters) {
            meter.measure().forEach(measurement -> {
                if (measurement.getStatistic() == statistic) {
                    appendSample(text, name, meter, measurement.getValue());
                }
            });
        }
    }

    private static void appendSample(StringBuilder text, String name, Meter meter, double value) {
        List<Tag> tags = meter.getId().getTags();
        String labels = tags.stream()
                .map(tag -> "%s=\"%s\"".formatted(word(tag.getKey()), escape(tag.getValue())))
                .collect(Collectors.joining(",", "{", "}"));
        text.append(name)
                .append(tags.isEmpty() ? "" : labels)
                .append(' ')
                .append(number(value))
                .append('\n');
    }

    private static String number(double value) {
        if (Double.isInfinite(value)) {
            return value > 0 ? "+Inf" : "-Inf";
        }
        return String.valueOf(value);
    }

    private static String name(Meter meter) {
        return word(meter.getId().getName());
    }

    private static String word(String text) {
        return text.replaceAll("[^A-Za-z0-9_]", "_");
    }

    private static String escape(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    }
}
