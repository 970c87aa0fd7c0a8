package dev.hivemind.launcher.server;

import dev.hivemind.moe.optimizer.LearningRateSchedule;
import org.jspecify.annotations.Nullable;

/**
 * How experts learn.
 *
 * @param optimizer which takes the steps
 * @param learningRate how far one step goes; 0 without an optimizer
 * @param maxGradientNorm above which gradients are scaled down; null for no such bound
 * @param schedule of the learning rate
 */
record LearningOptions(
        OptimizerChoice optimizer,
        double learningRate,
        @Nullable Double maxGradientNorm,
        LearningRateSchedule schedule) {}
