package dev.hivemind.benchmarks.harness;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.StringJoiner;

/**
 * A finding: named strings, numbers and ranges, in the order in which they were put. Measured numbers keep four
 * significant digits. Not thread-safe.
 */
public final class Row {

    private static final MathContext DIGITS = new MathContext(4);

    private final Map<String, String> json = new LinkedHashMap<>();

    /** A text. */
    public Row put(String name, String value) {
        json.put(name, quote(value));
        return this;
    }

    /** A count or a setting, which is exact. */
    public Row put(String name, long value) {
        json.put(name, String.valueOf(value));
        return this;
    }

    /** Something measured; null if it is not a number. */
    public Row put(String name, double value) {
        json.put(name, number(value));
        return this;
    }

    /** The median of some repetitions, and {@code nameRange}, a list of the least and the most. */
    public Row put(String name, Series series) {
        put(name, series.median());
        json.put(name + "Range", "[" + number(series.min()) + "," + number(series.max()) + "]");
        return this;
    }

    /** Names and values, the latter as JSON. */
    public Map<String, String> fields() {
        return Collections.unmodifiableMap(json);
    }

    /** One JSON object on one line. */
    public String toJson() {
        var object = new StringJoiner(",", "{", "}");
        json.forEach((name, value) -> object.add(quote(name) + ":" + value));
        return object.toString();
    }

    private static String number(double value) {
        return Double.isFinite(value) ? new BigDecimal(value, DIGITS).toPlainString() : "null";
    }

    private static String quote(String text) {
        var quoted = new StringBuilder("\"");
        text.chars().forEach(character -> {
            switch (character) {
                case '"', '\\' -> quoted.append('\\').append((char) character);
                default ->
                    quoted.append(
                            character >= ' ' && character < 0x7f ? (char) character : "\\u%04x".formatted(character));
            }
        });
        return quoted.append('"').toString();
    }
}
