package dev.hivemind.launcher.output;

import dev.hivemind.moe.training.StepReport;

/** Smooths what single steps bring into something to look at. Used by one thread at a time. */
public final class ProgressMeter {

    private static final double SMOOTHING = 0.98;

    private final int steps;
    private double weight;
    private double lossSum;
    private double accuracySum;

    /** @param steps planned */
    public ProgressMeter(int steps) {
        this.steps = steps;
    }

    /** Takes a step into account. */
    public Progress add(StepReport report) {
        weight = SMOOTHING * weight + 1;
        lossSum = SMOOTHING * lossSum + report.loss();
        accuracySum = SMOOTHING * accuracySum + report.accuracy().orElse(0);
        return new Progress(
                report.step(),
                steps,
                lossSum / weight,
                accuracySum / weight,
                report.totals().samplesPerSecond(),
                report.totals().expertsAnswering());
    }
}
