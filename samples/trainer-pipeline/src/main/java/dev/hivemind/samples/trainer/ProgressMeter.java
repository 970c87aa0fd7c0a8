package dev.hivemind.samples.trainer;

import dev.hivemind.samples.trainer.Trainer.StepOutcome;

/** Smooths what single steps bring into a report. */
final class ProgressMeter {

    private static final double SMOOTHING = 0.98;

    private final int steps;
    private final long startNanos = System.nanoTime();
    private int step;
    private long samples;
    private double weight;
    private double lossSum;
    private double accuracySum;
    private int expertsAnswering;

    ProgressMeter(int steps) {
        this.steps = steps;
    }

    StepReport add(StepOutcome outcome) {
        step++;
        samples += outcome.rows();
        weight = SMOOTHING * weight + 1;
        lossSum = SMOOTHING * lossSum + outcome.loss();
        accuracySum = SMOOTHING * accuracySum + (double) outcome.correct() / outcome.rows();
        expertsAnswering = outcome.expertsAnswering();
        return report();
    }

    StepReport report() {
        double seconds = Math.max(1e-9, (System.nanoTime() - startNanos) / 1e9);
        double divisor = Math.max(1, weight);
        return new StepReport(
                step, steps, lossSum / divisor, accuracySum / divisor, samples / seconds, expertsAnswering);
    }
}
