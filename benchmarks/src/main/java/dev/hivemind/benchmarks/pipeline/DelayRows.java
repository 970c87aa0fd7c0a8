package dev.hivemind.benchmarks.pipeline;

import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.training.TrainingPipeline;
import java.time.Duration;
import java.util.stream.DoubleStream;

/** What of the delay of a link is hidden by taking several batches at once through a layer at its other end. */
final class DelayRows {

    private static final Duration DELAY = Duration.ofMillis(100);
    private static final int CALLS_OF_A_STEP = 2;
    private static final int WARM_UP_STEPS = 300;
    private static final int BATCHES_OF_A_TURN = 20;
    private static final double MILLIS_PER_SECOND = 1e3;

    private DelayRows() {}

    static void measure(int concurrency, Plan plan, Report report) {
        try (var host = new NopHost(Training.WIDTH);
                var training = new Training(host.client())) {
            for (boolean streams : new boolean[] {false, true}) {
                report.row(row(host, training, streams, concurrency, plan));
            }
        }
    }

    private static Row row(NopHost host, Training training, boolean streams, int concurrency, Plan plan) {
        host.delayCalls(Duration.ZERO);
        RemoteExpert expert = host.far(streams);
        try (TrainingPipeline single = training.remote(expert, 1);
                TrainingPipeline many = training.remote(expert, concurrency)) {
            training.train(many, WARM_UP_STEPS);
            Series alone = rates(training, single, 1, plan);
            Series zeroDelay = rates(training, many, concurrency, plan);
            host.delayCalls(DELAY);
            training.train(many, 2 * concurrency);
            Series delayed = rates(training, many, concurrency, plan);
            double waiting = CALLS_OF_A_STEP * DELAY.toMillis() / MILLIS_PER_SECOND;
            double bound = concurrency / (waiting + 1 / alone.median());
            return new Row()
                    .put("figure", "delayed throughput")
                    .put("calls", streams ? "stream" : "single")
                    .put("concurrency", concurrency)
                    .put("delayMillis", DELAY.toMillis())
                    .put("batchesPerSecond", delayed)
                    .put("littlesBound", bound)
                    .put("zeroDelayBatchesPerSecond", zeroDelay)
                    .put("ratio", delayed.median() / Math.min(bound, zeroDelay.median()));
        }
    }

    /** Batches a second; a turn lasts some round trips at least. */
    private static Series rates(Training training, TrainingPipeline pipeline, int concurrency, Plan plan) {
        return Series.of(DoubleStream.generate(() -> rate(training, pipeline, BATCHES_OF_A_TURN * concurrency))
                .limit(plan.repetitions())
                .toArray());
    }

    private static double rate(Training training, TrainingPipeline pipeline, int batches) {
        return Pace.of(() -> training.train(pipeline, batches), Duration.ZERO).perSecond();
    }
}
