package dev.hivemind.benchmarks.wire;

import com.sun.management.OperatingSystemMXBean;
import dev.hivemind.benchmarks.harness.Interleaved;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Processor time of one echo, both ends and the kernel's part together, in milliseconds. Calls are made one after
 * another; everything that the process does meanwhile counts, collecting garbage too.
 */
final class ProcessorRows {

    private static final int BYTES = 8 << 20;
    private static final String YARDSTICK = "nio";
    private static final double NANOS_PER_MILLI = 1e6;
    /** The clock of processor time is coarse. */
    private static final int SLICES_PER_TURN = 2;

    private final Contenders contenders;
    private final Plan plan;
    private final Report report;
    private final OperatingSystemMXBean process = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

    ProcessorRows(Contenders contenders, Plan plan, Report report) {
        this.contenders = contenders;
        this.plan = plan;
        this.report = report;
    }

    void measureAll() throws Exception {
        if (!isSelected()) {
            return;
        }
        report.progress("processor time of an echo of %d bytes".formatted(BYTES));
        try (var nio = new NioEcho(BYTES)) {
            Map<String, Series> millis = new LinkedHashMap<>();
            Interleaved.run(cases(nio), plan)
                    .forEach((name, values) -> millis.put(name, Series.of(values, value -> value)));
            report.row(row(millis));
        }
    }

    boolean isSelected() {
        return plan.selects("cpu");
    }

    private Map<String, Interleaved.Case<Double>> cases(NioEcho nio) {
        Map<String, Interleaved.Case<Double>> cases = new LinkedHashMap<>();
        cases.put(YARDSTICK, time -> millisPerCall(nio::run, time));
        contenders.all().stream()
                .filter(contender -> contender.supports(Op.ECHO, BYTES))
                .forEach(contender ->
                        cases.put(contender.name(), time -> millisPerCall(turn -> echo(contender, turn), time)));
        return cases;
    }

    private double millisPerCall(Interleaved.Case<Tally> echoes, Duration time) throws Exception {
        long before = process.getProcessCpuTime();
        Tally tally = echoes.run(time.multipliedBy(SLICES_PER_TURN));
        return (process.getProcessCpuTime() - before) / NANOS_PER_MILLI / tally.calls();
    }

    private static Tally echo(Contender contender, Duration time) throws Exception {
        try (Call call = contender.call(Op.ECHO, BYTES)) {
            return ClosedLoop.run(call, 1, time);
        }
    }

    private static Row row(Map<String, Series> millis) {
        var row = new Row().put("op", "cpu").put("bytes", BYTES);
        millis.forEach((name, series) -> row.put(name + "Millis", series));
        Series hivemind = millis.get(HivemindContender.NAME);
        Series yardstick = millis.get(YARDSTICK);
        if (hivemind != null && yardstick != null) {
            row.put(YARDSTICK + "Ratio", hivemind.over(yardstick));
        }
        return row;
    }
}
