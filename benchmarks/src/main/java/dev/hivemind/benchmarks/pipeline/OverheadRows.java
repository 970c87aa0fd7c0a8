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

/** A pipeline of local blocks, one batch at a time, beside a bare loop over the same blocks. */
final class OverheadRows {

    private static final int BATCHES = 50;
    private static final int WARM_UP_TURNS = 10;
    private static final String PIPELINE = "pipeline";
    private static final String BARE = "bare";

    private OverheadRows() {}

    static void measure(Plan plan, Report report) throws Exception {
        TensorOps.prepareThread(1);
        try (var host = new NopHost(Training.WIDTH);
                var training = new Training(host.client());
                TrainingPipeline pipeline = training.local()) {
            Map<String, Interleaved.Case<Pace>> cases = new LinkedHashMap<>();
            cases.put(PIPELINE, time -> Pace.of(() -> training.train(pipeline, BATCHES), time));
            cases.put(BARE, time -> Pace.of(() -> training.trainBare(BATCHES), time));
            Interleaved.run(cases, new Plan(WARM_UP_TURNS, plan.warmUp(), plan.warmUp(), plan.filter()));
            Map<String, List<Pace>> paces = Interleaved.run(cases, plan);
            List<Pace> with = paces.getOrDefault(PIPELINE, List.of());
            List<Pace> without = paces.getOrDefault(BARE, List.of());
            report.row(new Row()
                    .put("figure", "overhead")
                    .put("shape", Training.ROWS + "x" + Training.WIDTH)
                    .put("pipelineMicros", Series.of(with, Pace::micros))
                    .put("bareMicros", Series.of(without, Pace::micros))
                    .put("pipelineCpuMicros", Series.of(with, Pace::cpuMicros))
                    .put("bareCpuMicros", Series.of(without, Pace::cpuMicros))
                    .put("ratio", Series.of(with, Pace::micros).over(Series.of(without, Pace::micros))));
        }
    }
}
