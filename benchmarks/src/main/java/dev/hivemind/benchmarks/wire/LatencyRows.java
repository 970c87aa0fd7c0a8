package dev.hivemind.benchmarks.wire;

import dev.hivemind.benchmarks.harness.Interleaved;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Round trips of small messages, in microseconds, alone and among others. */
final class LatencyRows {

    private static final int BYTES = 100;
    private static final List<Integer> CONCURRENCIES = List.of(1, 64);
    private static final double MEDIAN = 0.5;
    private static final double TAIL = 0.99;

    private final Contenders contenders;
    private final Plan plan;
    private final Report report;

    LatencyRows(Contenders contenders, Plan plan, Report report) {
        this.contenders = contenders;
        this.plan = plan;
        this.report = report;
    }

    boolean isSelected() {
        return CONCURRENCIES.stream().anyMatch(this::selects);
    }

    void measureAll() throws Exception {
        for (int concurrency : CONCURRENCIES) {
            if (selects(concurrency)) {
                measure(concurrency);
            }
        }
    }

    private boolean selects(int concurrency) {
        return plan.selects("latency/" + concurrency);
    }

    private void measure(int concurrency) throws Exception {
        report.progress("latency of %d at once".formatted(concurrency));
        Map<String, List<Tally>> results = Interleaved.run(cases(concurrency), plan);
        var row = new Row().put("op", "latency").put("bytes", BYTES).put("concurrency", concurrency);
        results.forEach((name, tallies) -> row.put(name + "P50Micros", percentile(tallies, MEDIAN))
                .put(name + "P99Micros", percentile(tallies, TAIL)));
        Series hivemind = percentile(results.getOrDefault(HivemindContender.NAME, List.of()), MEDIAN);
        results.forEach((name, tallies) -> {
            if (!name.equals(HivemindContender.NAME)) {
                row.put(name + "Ratio", hivemind.over(percentile(tallies, MEDIAN)));
            }
        });
        report.row(row);
    }

    private Map<String, Interleaved.Case<Tally>> cases(int concurrency) {
        Map<String, Interleaved.Case<Tally>> cases = new LinkedHashMap<>();
        contenders.all().stream()
                .filter(contender -> contender.supports(Op.ECHO, BYTES))
                .forEach(contender -> cases.put(contender.name(), time -> run(contender, concurrency, time)));
        return cases;
    }

    private static Tally run(Contender contender, int concurrency, Duration time) throws Exception {
        try (Call call = contender.call(Op.ECHO, BYTES)) {
            return ClosedLoop.run(call, concurrency, time);
        }
    }

    private static Series percentile(List<Tally> tallies, double fraction) {
        return Series.of(tallies, tally -> tally.latencyMicros(fraction));
    }
}
