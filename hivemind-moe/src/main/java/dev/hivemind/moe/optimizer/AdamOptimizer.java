package dev.hivemind.moe.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.AdamStep;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** {@link OptimizerConfig.Adam} and {@link OptimizerConfig.AdamW} at work. */
final class AdamOptimizer implements ExpertOptimizer {

    private final OptimizerConfig.Adam config;
    private final double weightDecay;
    private final ParameterState state;
    private final List<Slot> slots = new ArrayList<>();
    private int steps;

    /** @param weightDecay part of a weight that is taken off it before each step, times the learning rate */
    AdamOptimizer(OptimizerConfig.Adam config, double weightDecay, NDManager manager, Map<String, NDArray> parameters) {
        this.config = config;
        this.weightDecay = weightDecay;
        this.state = new ParameterState(manager);
        parameters.forEach((name, weight) ->
                slots.add(new Slot(weight, state.zeros(name, "mean", weight), state.zeros(name, "variance", weight))));
    }

    @Override
    public void step(double learningRateFactor, UnaryOperator<NDArray> gradients) {
        var step = new AdamStep(
                learningRateFactor * config.learningRate(),
                (float) config.beta1(),
                (float) config.beta2(),
                config.epsilon(),
                steps + 1);
        decay(1 - step.learningRate() * weightDecay);
        slots.forEach(slot -> update(slot, gradients, step));
        steps++;
    }

    private void decay(double factor) {
        if (factor != 1) {
            TensorOps.withGradMode(false, () -> {
                slots.forEach(slot -> slot.weight.muli(factor));
                return factor;
            });
        }
    }

    private static void update(Slot slot, UnaryOperator<NDArray> gradients, AdamStep step) {
        try (NDArray gradient = gradients.apply(slot.weight)) {
            TensorOps.adamUpdate(slot.weight, gradient, slot.mean, slot.variance, step);
        }
    }

    @Override
    public int steps() {
        return steps;
    }

    @Override
    public void continueAfter(int made) {
        steps = made;
    }

    @Override
    public Map<String, NDArray> state() {
        return state.arrays();
    }

    @Override
    public void close() {
        state.close();
    }

    private record Slot(NDArray weight, NDArray mean, NDArray variance) {}
}
