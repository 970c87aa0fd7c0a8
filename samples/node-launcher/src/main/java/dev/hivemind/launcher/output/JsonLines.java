package dev.hivemind.launcher.output;

import static java.util.Objects.requireNonNull;

import java.io.PrintStream;
import java.util.Collection;
import java.util.Map;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * Writes one JSON object a line. Values are strings, numbers, booleans, nulls and lists of these; anything else is
 * written as its text. Numbers that JSON does not know (NaN, infinities) become null. Safe for use from any thread.
 */
public final class JsonLines {

    private final PrintStream out;

    /** @param out is flushed after each line and stays the caller's; expected to write UTF-8 */
    public JsonLines(PrintStream out) {
        this.out = requireNonNull(out, "out");
    }

    /** Writes an object, its fields in the order of the map. */
    public synchronized void write(Map<String, ? extends @Nullable Object> fields) {
        out.print(format(fields) + "\n");
        out.flush();
    }

    /** The object as text, without a line end. */
    public static String format(Map<String, ? extends @Nullable Object> fields) {
        var object = new StringJoiner(",", "{", "}");
        fields.forEach((name, value) -> object.add(quote(name) + ":" + format(value)));
        return object.toString();
    }

    private static String format(@Nullable Object value) {
        if (value == null || isUnknownToJson(value)) {
            return "null";
        } else if (value instanceof Number || value instanceof Boolean) {
            return value.toString();
        } else if (value instanceof Collection<?> list) {
            var array = new StringJoiner(",", "[", "]");
            list.forEach(element -> array.add(format(element)));
            return array.toString();
        }
        return quote(value.toString());
    }

    private static boolean isUnknownToJson(Object value) {
        return (value instanceof Double || value instanceof Float) && !Double.isFinite(((Number) value).doubleValue());
    }

    private static String quote(String text) {
        var quoted = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            appendEscaped(quoted, text.charAt(i));
        }
        return quoted.append('"').toString();
    }

    private static void appendEscaped(StringBuilder quoted, char character) {
        switch (character) {
            case '"' -> quoted.append("\\\"");
            case '\\' -> quoted.append("\\\\");
            case '\n' -> quoted.append("\\n");
            case '\r' -> quoted.append("\\r");
            case '\t' -> quoted.append("\\t");
            default -> {
                boolean plain = character >= ' ' && character < 0x7f;
                quoted.append(plain ? String.valueOf(character) : "\\u%04x".formatted((int) character));
            }
        }
    }
}
