package dev.hivemind.benchmarks.pipeline;

import dev.hivemind.benchmarks.harness.Benchmark;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Training pipelines beside bare loops, over slow links and for long; and the calls that they make. */
public final class PipelineBenchmark implements Benchmark {

    private static final List<Integer> CONCURRENCIES = List.of(1, 4, 16);
    private static final int MANY = 16;
    private static final int FEW_ROWS = 1;

    private final @Nullable Duration soak;

    /** Everything but the soak. */
    public PipelineBenchmark() {
        this(null);
    }

    /** @param soak how long to train besides; null for not at all */
    public PipelineBenchmark(@Nullable Duration soak) {
        this.soak = soak;
    }

    @Override
    public String name() {
        return "pipeline";
    }

    @Override
    public String description() {
        return "Training pipelines beside bare loops, over slow links and for long.";
    }

    @Override
    public void run(Plan plan, Report report) throws Exception {
        if (plan.selects("overhead")) {
            report.progress("pipeline: overhead");
            OverheadRows.measure(plan, report);
        }
        if (plan.selects("delay")) {
            for (int concurrency : CONCURRENCIES) {
                report.progress("pipeline: delay, concurrency " + concurrency);
                DelayRows.measure(concurrency, plan, report);
            }
        }
        if (plan.selects("calls")) {
            report.progress("pipeline: calls");
            for (int rows : List.of(FEW_ROWS, Training.ROWS)) {
                CallRows.measure(rows, 1, plan, report);
                CallRows.measure(rows, MANY, plan, report);
            }
        }
        if (plan.selects("memory")) {
            for (int concurrency : CONCURRENCIES) {
                report.progress("pipeline: memory, concurrency " + concurrency);
                MemoryRows.measure(concurrency, report);
            }
        }
        if (soak != null) {
            report.progress("pipeline: soak");
            MemoryRows.soak(soak, report);
        }
    }
}
