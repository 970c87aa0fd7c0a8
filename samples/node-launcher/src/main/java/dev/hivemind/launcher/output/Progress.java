package dev.hivemind.launcher.output;

/**
 * Where training stands after a step.
 *
 * @param step steps done
 * @param steps steps planned
 * @param loss smoothed over about 50 steps
 * @param accuracy share of training pictures recognised, smoothed alike
 * @param samplesPerSecond since training began
 * @param expertsAnswering experts that answered; 0 for a model without
 */
public record Progress(
        int step, int steps, double loss, double accuracy, double samplesPerSecond, int expertsAnswering) {

    /** Whether no step is to follow. */
    public boolean isLast() {
        return step >= steps;
    }
}
