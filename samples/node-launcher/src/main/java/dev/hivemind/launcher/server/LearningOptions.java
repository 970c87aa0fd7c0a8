package dev.hivemind.launcher.server;

import org.jspecify.annotations.Nullable;

/**
 * How experts learn.
 *
 * @param optimizer which takes the steps
 * @param learningRate how far one step goes; 0 without an optimizer
 * @param maxGradientNorm above which gradients are scaled down; null for no such bound
 */
record LearningOptions(
        OptimizerChoice optimizer,
        double learningRate,
        @Nullable Double maxGradientNorm) {}
