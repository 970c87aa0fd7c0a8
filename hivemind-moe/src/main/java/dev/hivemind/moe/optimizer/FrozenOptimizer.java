package dev.hivemind.moe.optimizer;

import ai.djl.ndarray.NDArray;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Leaves every parameter as it is. */
final class FrozenOptimizer implements ExpertOptimizer {

    @Override
    public void step(double learningRateFactor, UnaryOperator<NDArray> gradients) {}

    @Override
    public int steps() {
        return 0;
    }

    @Override
    public void continueAfter(int steps) {}

    @Override
    public Map<String, NDArray> state() {
        return Map.of();
    }

    @Override
    public void close() {}
}
