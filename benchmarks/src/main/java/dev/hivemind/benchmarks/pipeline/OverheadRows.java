package dev.hivemind.benchmarks.pipeline;

import dev.hivemind.benchmarks.harness.Interleaved;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.TrainingPipeline;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A pipeline of local blocks, one batch at a time, with reports and without, beside a bare loop over the same blocks. */
final class OverheadRows {

    private static final int BATCHES = 50;
    private static final int WARM_UP_TURNS = 10;
    private static final String REPORTED = "reported";
    private static final String PIPELINE = "pipeline";
    private static final String BARE = "bare";

    private OverheadRows() {}

    static void measure(Plan plan, Report report) throws Exception {
        TensorOps.prepareThread(1);
        try (var host = new NopHost(Training.WIDTH);
                var training = new Training(host.client());
                var reporting = new Reporting();
                TrainingPipeline pipeline = training.local()) {
            Map<String, Interleaved.Case<Pace>> cases = new LinkedHashMap<>();
            cases.put(REPORTED, time -> Pace.of(() -> training.train(pipeline, BATCHES, reporting), time));
            cases.put(PIPELINE, time -> Pace.of(() -> training.train(pipeline, BATCHES), time));
            cases.put(BARE, time -> Pace.of(() -> training.trainBare(BATCHES), time));
            Interleaved.run(cases, new Plan(WARM_UP_TURNS, plan.warmUp(), plan.warmUp(), plan.filter()));
            report.row(row(Interleaved.run(cases, plan)));
        }
    }

    private static Row row(Map<String, List<Pace>> paces) {
        List<Pace> reported = paces.getOrDefault(REPORTED, List.of());
        List<Pace> pipeline = paces.getOrDefault(PIPELINE, List.of());
        List<Pace> bare = paces.getOrDefault(BARE, List.of());
        Series bareMicros = Series.of(bare, Pace::micros);
        return new Row()
                .put("figure", "overhead")
                .put("shape", Training.ROWS + "x" + Training.WIDTH)
                .put("concurrency", 1)
                .put("reportedMicros", Series.of(reported, Pace::micros))
                .put("pipelineMicros", Series.of(pipeline, Pace::micros))
                .put("bareMicros", bareMicros)
                .put("reportedCpuMicros", Series.of(reported, Pace::cpuMicros))
                .put("pipelineCpuMicros", Series.of(pipeline, Pace::cpuMicros))
                .put("bareCpuMicros", Series.of(bare, Pace::cpuMicros))
                .put("schedulingRatio", Series.of(pipeline, Pace::micros).over(bareMicros))
                .put("ratio", Series.of(reported, Pace::micros).over(bareMicros));
    }
}
