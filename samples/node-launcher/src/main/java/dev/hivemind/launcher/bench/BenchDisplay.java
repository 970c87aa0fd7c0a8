package dev.hivemind.launcher.bench;

import dev.hivemind.launcher.output.ResultTable;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** Rows of benchmarks: as they come for programs, as tables at the end for people. Used by one thread. */
final class BenchDisplay {

    private static final String NONE = "-";

    private final PrintStream out;
    private final boolean json;
    private final List<Map<?, ?>> rows = new ArrayList<>();

    BenchDisplay(PrintStream out, boolean json) {
        this.out = out;
        this.json = json;
    }

    /** @param line a JSON object */
    void add(String line) {
        if (json) {
            out.print(line + "\n");
            out.flush();
        } else if (new Load(LoadSettings.builder().build()).loadFromString(line) instanceof Map<?, ?> row) {
            rows.add(row);
        }
    }

    /** Shows what is not shown yet. */
    void end() {
        if (!json) {
            rows.stream().filter(row -> row.containsKey("cpu")).findFirst().ifPresent(this::machine);
            throughput();
            start();
            dht();
            out.flush();
        }
    }

    private void machine(Map<?, ?> row) {
        out.printf("%s cores of %s, %s, Java %s%n", row.get("cores"), row.get("cpu"), row.get("os"), row.get("jdk"));
    }

    private void throughput() {
        List<Map<?, ?>> measured = having("steady");
        if (measured.isEmpty()) {
            return;
        }
        var table = new ResultTable(
                "Preset", "Samples/s", "Of bare", "CPU ms/call", "p50 ms", "p99 ms", "Rows/batch", "MiB");
        measured.forEach(row -> table.row(
                String.valueOf(row.get("preset")),
                number(row.get("steady")),
                number(row.get("ratio")),
                number(row.get("cpuMillisPerCall")),
                number(row.get("p50")),
                number(row.get("p99")),
                number(row.get("meanBatchRows")),
                number(row.get("memoryMiB"))));
        out.print("\n" + table.format());
    }

    private void start() {
        having("readyMillis")
                .forEach(row -> out.printf("%nA server is ready after %s ms.%n", number(row.get("readyMillis"))));
    }

    private void dht() {
        Map<String, List<Map<?, ?>>> cases = having("storeMillis").stream()
                .collect(Collectors.groupingBy(row -> "%s nodes, %s"
                        .formatted(
                                row.get("nodes"),
                                Boolean.parseBoolean(String.valueOf(row.get("signed"))) ? "signed" : "unsigned")));
        if (cases.isEmpty()) {
            return;
        }
        var table = new ResultTable("DHT", "Store ms", "Get ms", "Messages/store", "Messages/get", "Success");
        cases.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(each -> table.row(
                        each.getKey(),
                        mean(each.getValue(), "storeMillis"),
                        mean(each.getValue(), "getMillis"),
                        mean(each.getValue(), "messagesPerStore"),
                        mean(each.getValue(), "messagesPerGet"),
                        mean(each.getValue(), "successRate")));
        out.print("\n" + table.format());
    }

    private List<Map<?, ?>> having(String field) {
        return rows.stream().filter(row -> row.containsKey(field)).toList();
    }

    private static String mean(List<Map<?, ?>> rows, String field) {
        return number(rows.stream()
                .map(row -> row.get(field))
                .filter(Number.class::isInstance)
                .mapToDouble(value -> ((Number) value).doubleValue())
                .average()
                .orElse(Double.NaN));
    }

    private static String number(@Nullable Object value) {
        if (!(value instanceof Number number) || Double.isNaN(number.doubleValue())) {
            return NONE;
        }
        double measured = number.doubleValue();
        return String.format(Locale.ROOT, Math.abs(measured) >= 100 ? "%.0f" : "%.3g", measured);
    }
}
