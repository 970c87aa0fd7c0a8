package dev.hivemind.moe.optimizer;

import static java.util.Objects.requireNonNull;

/**
 * How an expert learns.
 *
 * @param optimizer and its settings
 * @param schedule of its learning rate
 * @param maxGradientNorm above which gradients are scaled down, all by the same factor, so that the norm over all
 *     parameters is this; infinity for no such bound
 */
public record TrainingConfig(OptimizerConfig optimizer, LearningRateSchedule schedule, double maxGradientNorm) {

    public TrainingConfig {
        requireNonNull(optimizer, "optimizer");
        requireNonNull(schedule, "schedule");
        if (!(maxGradientNorm > 0)) {
            throw new IllegalArgumentException("maxGradientNorm is above 0, not " + maxGradientNorm);
        }
    }

    /** This optimizer at a constant learning rate, with gradients as they come. */
    public static TrainingConfig of(OptimizerConfig optimizer) {
        return new TrainingConfig(optimizer, LearningRateSchedule.constant(), Double.POSITIVE_INFINITY);
    }

    /** The same with another schedule. */
    public TrainingConfig withSchedule(LearningRateSchedule other) {
        return new TrainingConfig(optimizer, other, maxGradientNorm);
    }

    /** The same with another bound for the norm of gradients. */
    public TrainingConfig withMaxGradientNorm(double norm) {
        return new TrainingConfig(optimizer, schedule, norm);
    }
}
