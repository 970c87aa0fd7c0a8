package dev.hivemind.launcher.output;

import java.util.ArrayList;
import java.util.List;

/** A table in plain text: the first column is aligned to the left, all others to the right. Not thread-safe. */
public final class ResultTable {

    private static final String GAP = "  ";

    private final List<List<String>> rows = new ArrayList<>();
    private final int columns;

    /** @param headers one per column, at least one */
    public ResultTable(String... headers) {
        if (headers.length == 0) {
            throw new IllegalArgumentException("A table has at least one column");
        }
        this.columns = headers.length;
        rows.add(List.of(headers));
    }

    /** Adds a line of as many cells as there are columns. */
    public ResultTable row(String... cells) {
        if (cells.length != columns) {
            throw new IllegalArgumentException("%d cells for %d columns".formatted(cells.length, columns));
        }
        rows.add(List.of(cells));
        return this;
    }

    /** The table: headers, a rule, the rows; every line ends with a line feed and none with spaces. */
    public String format() {
        int[] widths = widths();
        var table = new StringBuilder();
        for (int i = 0; i < rows.size(); i++) {
            appendRow(table, rows.get(i), widths);
            if (i == 0) {
                appendRow(table, rule(widths), widths);
            }
        }
        return table.toString();
    }

    private int[] widths() {
        int[] widths = new int[columns];
        for (List<String> row : rows) {
            for (int column = 0; column < columns; column++) {
                widths[column] = Math.max(widths[column], length(row.get(column)));
            }
        }
        return widths;
    }

    private static List<String> rule(int[] widths) {
        var rule = new ArrayList<String>();
        for (int width : widths) {
            rule.add("-".repeat(width));
        }
        return rule;
    }

    private static void appendRow(StringBuilder table, List<String> row, int[] widths) {
        var line = new StringBuilder();
        for (int column = 0; column < widths.length; column++) {
            String cell = row.get(column);
            String padding = " ".repeat(widths[column] - length(cell));
            line.append(column == 0 ? cell + padding : GAP + padding + cell);
        }
        table.append(line.toString().stripTrailing()).append('\n');
    }

    private static int length(String cell) {
        return cell.codePointCount(0, cell.length());
    }
}
