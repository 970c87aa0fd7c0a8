package dev.hivemind.launcher.output;

import static java.util.Objects.requireNonNull;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Rows that a command finds: JSON objects, a line each as soon as it is found; or a table, when a person watches; or
 * lines with a tab between two values. Used by one thread.
 */
public final class Listing {

    private final PrintStream out;
    private final boolean json;
    private final List<String> columns;
    private final @Nullable ResultTable table;

    private Listing(PrintStream out, boolean json, List<String> columns, boolean interactive) {
        this.out = requireNonNull(out, "out");
        this.json = json;
        this.columns = columns;
        this.table = interactive && !json ? new ResultTable(columns.toArray(String[]::new)) : null;
    }

    /**
     * An empty listing.
     *
     * @param columns the names of the fields
     */
    public static Listing of(PrintStream out, boolean json, String... columns) {
        return new Listing(out, json, List.of(columns), Terminal.isInteractive());
    }

    /** Adds a row of one value for each column. */
    public void add(@Nullable Object... values) {
        if (json) {
            Map<String, @Nullable Object> fields = new LinkedHashMap<>();
            for (int i = 0; i < columns.size(); i++) {
                fields.put(columns.get(i), values[i]);
            }
            new JsonLines(out).write(fields);
            return;
        }
        List<String> cells = new ArrayList<>();
        for (Object value : values) {
            cells.add(text(value));
        }
        if (table != null) {
            table.row(cells.toArray(String[]::new));
        } else {
            out.print(String.join("\t", cells) + "\n");
        }
    }

    private static String text(@Nullable Object value) {
        if (value == null) {
            return "-";
        } else if (value instanceof List<?> list) {
            return String.join(",", list.stream().map(Object::toString).toList());
        }
        return value.toString();
    }

    /** Shows what is not shown yet. */
    public void end() {
        if (table != null) {
            out.print(table.format());
        }
        out.flush();
    }
}
