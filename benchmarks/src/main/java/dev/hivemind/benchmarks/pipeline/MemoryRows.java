package dev.hivemind.benchmarks.pipeline;

import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.moe.training.TrainingPipeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import reactor.core.publisher.Mono;

/** Resident memory of this process, client and server, while it trains through an expert behind a slow link. */
final class MemoryRows {

    private static final Duration DELAY = Duration.ofMillis(10);
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String RESIDENT = "VmRSS:";
    private static final double KIB_PER_MIB = 1_024;
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
            double first = residentMiB();
            training.train(pipeline, STEPS);
            double second = residentMiB();
            report.row(new Row()
                    .put("figure", "memory")
                    .put("concurrency", concurrency)
                    .put("steps", STEPS)
                    .put("residentMiB", first)
                    .put("residentAfterTwiceTheStepsMiB", second)
                    .put("growthMiB", second - first));
        }
    }

    /** Trains for so long. */
    static void soak(Duration time, Report report) {
        try (var host = new NopHost(Training.WIDTH);
                var training = new Training(host.client());
                TrainingPipeline pipeline = training.remote(host.near(true), SOAK_CONCURRENCY)) {
            trainFor(time.dividedBy(SETTLING_PART), training, pipeline);
            double before = residentMiB();
            long batches = trainFor(time, training, pipeline);
            double after = residentMiB();
            report.row(new Row()
                    .put("figure", "soak")
                    .put("seconds", time.toSeconds())
                    .put("batches", batches)
                    .put("residentMiB", before)
                    .put("residentAfterMiB", after)
                    .put("growthMiB", after - before));
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

    /** Without garbage; not a number where the system does not tell. */
    private static double residentMiB() {
        System.gc();
        Mono.delay(Duration.ofSeconds(1)).block();
        try (var lines = Files.lines(STATUS)) {
            return lines.filter(line -> line.startsWith(RESIDENT))
                    .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) / KIB_PER_MIB)
                    .findFirst()
                    .orElse(Double.NaN);
        } catch (IOException e) {
            return Double.NaN;
        }
    }
}
