package dev.hivemind.benchmarks.wire;

import dev.hivemind.benchmarks.harness.Interleaved;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Megabytes per second of each operation and size, and how Hivemind's relate to the others'. */
final class ThroughputRows {

    private static final List<Integer> SIZES = List.of(4 << 10, 64 << 10, 1 << 20, 8 << 20, 64 << 20);
    private static final int WINDOW_BYTES = 16 << 20;
    private static final int MIN_WINDOW = 2;
    private static final int MAX_WINDOW = 64;

    private final Contenders contenders;
    private final Plan plan;
    private final Report report;

    ThroughputRows(Contenders contenders, Plan plan, Report report) {
        this.contenders = contenders;
        this.plan = plan;
        this.report = report;
    }

    boolean isSelected() {
        return Arrays.stream(Op.values()).anyMatch(op -> SIZES.stream().anyMatch(bytes -> selects(op, bytes)));
    }

    void measureAll() throws Exception {
        for (Op op : Op.values()) {
            for (int bytes : SIZES) {
                if (selects(op, bytes)) {
                    measure(op, bytes);
                }
            }
        }
    }

    private boolean selects(Op op, int bytes) {
        return plan.selects(op.label() + "/" + bytes);
    }

    private void measure(Op op, int bytes) throws Exception {
        report.progress("%s of %d bytes".formatted(op.label(), bytes));
        Map<String, Series> rates = new LinkedHashMap<>();
        Interleaved.run(cases(op, bytes), plan)
                .forEach((name, tallies) ->
                        rates.put(name, Series.of(tallies, tally -> tally.megabytesPerSecond(bytes))));
        var row = new Row().put("op", op.label()).put("bytes", bytes);
        rates.forEach(row::put);
        putRatios(row, rates.remove(HivemindContender.NAME), rates);
        report.row(row);
    }

    private Map<String, Interleaved.Case<Tally>> cases(Op op, int bytes) {
        Map<String, Interleaved.Case<Tally>> cases = new LinkedHashMap<>();
        contenders.all().stream()
                .filter(contender -> contender.supports(op, bytes))
                .forEach(contender -> cases.put(contender.name(), time -> run(contender, op, bytes, time)));
        return cases;
    }

    private static Tally run(Contender contender, Op op, int bytes, Duration time) throws Exception {
        if (op == Op.STREAM) {
            return contender.stream(bytes, time);
        }
        try (Call call = contender.call(op, bytes)) {
            return ClosedLoop.run(call, window(bytes), time);
        }
    }

    /** How many calls are under way. */
    static int window(int bytes) {
        return Math.max(MIN_WINDOW, Math.min(MAX_WINDOW, WINDOW_BYTES / bytes));
    }

    private static void putRatios(Row row, @Nullable Series hivemind, Map<String, Series> others) {
        if (hivemind != null) {
            others.forEach((name, rates) -> row.put(name + "Ratio", hivemind.over(rates)));
        }
    }
}
