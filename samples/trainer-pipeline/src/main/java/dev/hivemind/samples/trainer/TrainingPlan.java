package dev.hivemind.samples.trainer;

/**
 * How to train.
 *
 * @param steps batches to train on; at least 1
 * @param batchSize pictures per batch; at least 1
 * @param learningRate of the local layers' Adam; falls to zero in a line over the last 40 % of the steps
 * @param seed determines the order of the pictures
 */
public record TrainingPlan(int steps, int batchSize, double learningRate, long seed) {

    private static final double DECAYING_SHARE = 0.4;

    public TrainingPlan {
        if (steps < 1 || batchSize < 1) {
            throw new IllegalArgumentException("steps and batchSize are at least 1");
        }
    }

    /** The part of the learning rate that is left for a step, counted from 0. */
    double learningRateFactor(int step) {
        return Math.min(1, (steps - step) / (DECAYING_SHARE * steps));
    }
}
