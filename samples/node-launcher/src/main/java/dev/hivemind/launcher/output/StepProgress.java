package dev.hivemind.launcher.output;

/**
 * Where training stands after a step.
 *
 * @param step how many steps are done
 * @param steps how many there will be
 * @param loss of the latest batches
 * @param accuracy of the latest batches, 0 to 1
 * @param samplesPerSecond of the latest batches
 * @param expertsAlive how many experts answered lately
 */
public record StepProgress(
        int step, int steps, double loss, double accuracy, double samplesPerSecond, int expertsAlive) {

    boolean isLast() {
        return step >= steps;
    }
}
