package dev.hivemind.benchmarks.throughput;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.optimizer.ExpertOptimizer;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.List;

/** The block, the parameters and the optimizer of a hosted expert, without anything around them. One thread at a time. */
public final class BareExpert {

    private final Block block;
    private final List<NDArray> trainable;
    private final ExpertOptimizer optimizer;
    private final int width;

    /** @param backend of the same definition; stays the caller's */
    public BareExpert(ExpertDefinition definition, ExpertBackend backend, int width) {
        this.block = definition.block();
        this.trainable = backend.parameters().values().stream()
                .filter(NDArray::hasGradient)
                .toList();
        this.optimizer = backend.optimizer();
        this.width = width;
    }

    /** A random tensor that fits. */
    public NDArray tensor(NDManager manager, int rows) {
        return manager.randomNormal(new Shape(rows, width));
    }

    /** Computes the outputs without a graph. Borrows the input. */
    public void forward(NDManager manager, NDArray input) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            block.forward(new ParameterStore(manager, false), new NDList(input), false);
        }
    }

    /** Computes the outputs with a graph, the gradients of input and parameters, and a step of the optimizer. */
    public void backward(NDManager manager, NDArray input, NDArray outputGradient) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray leaf = TensorOps.leaf(input, true);
            trainable.forEach(TensorOps::zeroGradient);
            NDList outputs = TensorOps.withGradMode(
                    true, () -> block.forward(new ParameterStore(manager, false), new NDList(leaf), true));
            TensorOps.vectorJacobianProduct(outputs.singletonOrThrow(), outputGradient, false);
            leaf.getGradient();
            optimizer.step(1);
        }
    }
}
