package dev.hivemind.benchmarks.harness;

import java.io.PrintWriter;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Writes rows to one place and progress to another, so that rows can be piped. Flushes each line. */
public final class PrintedReport implements Report {

    private final PrintWriter rows;
    private final PrintWriter progress;
    private final Function<Row, String> format;

    private PrintedReport(PrintWriter rows, PrintWriter progress, Function<Row, String> format) {
        this.rows = rows;
        this.progress = progress;
        this.format = format;
    }

    /** A JSON object a line. */
    public static PrintedReport ofJson(PrintWriter rows, PrintWriter progress) {
        return new PrintedReport(rows, progress, Row::toJson);
    }

    /** Names and values in columns, for people. */
    public static PrintedReport ofText(PrintWriter rows, PrintWriter progress) {
        return new PrintedReport(rows, progress, PrintedReport::columns);
    }

    @Override
    public void row(Row row) {
        rows.println(format.apply(row));
        rows.flush();
    }

    @Override
    public void progress(String message) {
        progress.println(message);
        progress.flush();
    }

    private static String columns(Row row) {
        return row.fields().entrySet().stream()
                .filter(field -> !field.getKey().endsWith("Range"))
                .map(field ->
                        "%s %-10s".formatted(field.getKey(), field.getValue().replace("\"", "")))
                .collect(Collectors.joining(" "))
                .stripTrailing();
    }
}
