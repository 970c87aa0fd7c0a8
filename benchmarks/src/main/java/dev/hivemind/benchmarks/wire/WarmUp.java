package dev.hivemind.benchmarks.wire;

import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import java.util.List;

/** Has all code compiled for all kinds of use before anything counts, lest the first row differ from the last. */
final class WarmUp {

    private static final List<Integer> SIZES = List.of(100, 64 << 10, 1 << 20);

    private WarmUp() {}

    static void run(Contenders contenders, Plan plan, Report report) throws Exception {
        report.progress("warming up");
        for (Contender contender : contenders.all()) {
            for (int bytes : SIZES) {
                warm(contender, bytes, plan);
            }
        }
    }

    private static void warm(Contender contender, int bytes, Plan plan) throws Exception {
        for (Op op : Op.values()) {
            if (!contender.supports(op, bytes)) {
                continue;
            }
            if (op == Op.STREAM) {
                contender.stream(bytes, plan.warmUp());
            } else {
                try (Call call = contender.call(op, bytes)) {
                    ClosedLoop.run(call, ThroughputRows.window(bytes), plan.warmUp());
                }
            }
        }
    }
}
