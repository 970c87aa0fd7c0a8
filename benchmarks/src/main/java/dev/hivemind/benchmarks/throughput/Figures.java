package dev.hivemind.benchmarks.throughput;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** Named numbers that travel between processes as one line, {@code a=1.0 b=2.5}. Not thread-safe. */
final class Figures {

    private final Map<String, Double> values = new LinkedHashMap<>();

    Figures put(String name, double value) {
        values.put(name, value);
        return this;
    }

    Figures put(String name, long value) {
        return put(name, (double) value);
    }

    /** @throws IllegalArgumentException if there is no such number */
    double get(String name) {
        Double value = values.get(name);
        if (value == null) {
            throw new IllegalArgumentException("There is no '%s' in %s".formatted(name, values));
        }
        return value;
    }

    /** How much each number has grown since an earlier moment. */
    Figures since(Figures earlier) {
        var grown = new Figures();
        values.forEach((name, value) -> grown.put(name, value - earlier.get(name)));
        return grown;
    }

    String toLine() {
        return values.entrySet().stream()
                .map(entry -> entry.getKey() + "=" + entry.getValue())
                .collect(Collectors.joining(" "));
    }

    /** @throws IllegalArgumentException if the line is something else */
    static Figures parse(String line) {
        var figures = new Figures();
        for (String field : line.split(" ", -1)) {
            int sign = field.indexOf('=');
            if (sign < 1) {
                throw new IllegalArgumentException("Not a line of figures: " + line);
            }
            figures.put(field.substring(0, sign), Double.parseDouble(field.substring(sign + 1)));
        }
        return figures;
    }
}
