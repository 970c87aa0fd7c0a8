package dev.hivemind.moe.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** {@link OptimizerConfig.Sgd} at work. */
final class SgdOptimizer implements ExpertOptimizer {

    private final OptimizerConfig.Sgd config;
    private final ParameterState state;
    private final List<Slot> slots = new ArrayList<>();
    private int steps;

    SgdOptimizer(OptimizerConfig.Sgd config, NDManager manager, Map<String, NDArray> parameters) {
        this.config = config;
        this.state = new ParameterState(manager);
        parameters.forEach((name, weight) -> slots.add(new Slot(weight, velocity(name, weight))));
    }

    private @Nullable NDArray velocity(String name, NDArray weight) {
        return config.momentum() == 0 ? null : state.zeros(name, "velocity", weight);
    }

    @Override
    public void step(double learningRateFactor, UnaryOperator<NDArray> gradients) {
        slots.forEach(slot -> update(slot, gradients, learningRateFactor * config.learningRate()));
        steps++;
    }

    private void update(Slot slot, UnaryOperator<NDArray> gradients, double learningRate) {
        try (NDArray gradient = gradients.apply(slot.weight)) {
            TensorOps.sgdUpdate(slot.weight, direction(slot, gradient), learningRate);
        }
    }

    private NDArray direction(Slot slot, NDArray gradient) {
        NDArray velocity = slot.velocity;
        return velocity == null ? gradient : velocity.muli(config.momentum()).addi(gradient);
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

    private record Slot(NDArray weight, @Nullable NDArray velocity) {}
}
