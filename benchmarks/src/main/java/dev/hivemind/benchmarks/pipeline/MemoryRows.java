package dev.hivemind.benchmarks.pipeline;

import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.moe.training.TrainingPipeline;
import java.time.Duration;

/** Resident memory of this process, client and server, while it trains through an expert behind a slow link. */
final class MemoryRows {

    private static final Duration DELAY = Duration.ofMillis(10);
    private static final int STEPS = 500;
    private static final int SOAK_CONCURRENCY = 4;

    /** What is allocated once, such as pools and compiled code, is there after a tenth of the time. */
    private static final int SETTLING_PART = 10;

    private MemoryRows() {}

    /** After some steps, and after as many again. */
    static void measure(int concurrency, Report report) {
        try (var host = new NopHost(Training.WIDTH);
                var training = new Training(host.client());
                TrainingPipeline pipeline = training.remote(host.far(true), concurrency)) {
            host.delayCalls(DELAY);
            training.train(pipeline, STEPS);
            Memory first = Memory.now();
            training.train(pipeline, STEPS);
            Memory second = Memory.now();
            report.row(new Row()
                    .put("figure", "memory")
                    .put("concurrency", concurrency)
                    .put("steps", STEPS)
                    .put("residentMiB", first.residentMiB())
                    .put("residentAfterTwiceTheStepsMiB", second.residentMiB())
                    .put("growthMiB", second.residentMiB() - first.residentMiB())
                    .put("heapMiB", first.heapMiB())
                    .put("heapGrowthMiB", second.heapMiB() - first.heapMiB()));
        }
    }

    /** Trains for so long. */
    static void soak(Duration time, Report report) {
        try (var host = new NopHost(Training.WIDTH);
                var training = new Training(host.client());
                TrainingPipeline pipeline = training.remote(host.near(true), SOAK_CONCURRENCY)) {
            trainFor(time.dividedBy(SETTLING_PART), training, pipeline);
            Memory before = Memory.now();
            long batches = trainFor(time, training, pipeline);
            Memory after = Memory.now();
            report.row(new Row()
                    .put("figure", "soak")
                    .put("concurrency", SOAK_CONCURRENCY)
                    .put("seconds", time.toSeconds())
                    .put("batches", batches)
                    .put("residentMiB", before.residentMiB())
                    .put("residentAfterMiB", after.residentMiB())
                    .put("growthMiB", after.residentMiB() - before.residentMiB())
                    .put("heapGrowthMiB", after.heapMiB() - before.heapMiB()));
        }
    }

    private static long trainFor(Duration time, Training training, TrainingPipeline pipeline) {
        long end = System.nanoTime() + time.toNanos();
        long batches = 0;
        while (System.nanoTime() - end < 0) {
            batches += training.train(pipeline, STEPS);
        }
        return batches;
    }
}
