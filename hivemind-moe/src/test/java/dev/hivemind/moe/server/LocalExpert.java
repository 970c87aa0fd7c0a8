package dev.hivemind.moe.server;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import dev.hivemind.moe.optimizer.ExpertOptimizer;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.LinkedHashMap;
import java.util.Map;

/** The same expert trained in one process by one graph. */
final class LocalExpert {

    private final NDManager manager;
    private final Block block = TestExperts.ffn(Backends.WIDTH).block();
    private final ParameterStore store;
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();
    private final ExpertOptimizer optimizer;

    LocalExpert(NDManager manager, OptimizerConfig config) {
        this.manager = manager;
        this.store = new ParameterStore(manager, false);
        block.initialize(manager, DataType.FLOAT32, new Shape(1, Backends.WIDTH));
        block.getParameters().forEach(entry -> {
            NDArray array = entry.getValue().getArray();
            array.setRequiresGradient(true);
            parameters.put(entry.getKey(), array);
        });
        optimizer = config.create(manager, parameters);
    }

    NDArray forward(NDArray x) {
        return block.forward(store, new NDList(x), false).singletonOrThrow();
    }

    /** Back-propagates {@code sum(y * upstream)}, as a loss would. */
    float[] train(NDArray x, NDArray upstream) {
        return train(x, upstream, 1);
    }

    float[] train(NDArray x, NDArray upstream, double learningRateFactor) {
        parameters.values().forEach(TensorOps::zeroGradient);
        NDArray leaf = TensorOps.leaf(x, true);
        TensorOps.setGradMode(true);
        NDArray loss = forward(leaf).mul(upstream).sum();
        TensorOps.vectorJacobianProduct(loss, manager.create(1f), false);
        TensorOps.setGradMode(false);
        optimizer.step(learningRateFactor);
        return leaf.getGradient().toFloatArray();
    }

    Map<String, NDArray> parameters() {
        return parameters;
    }

    ExpertOptimizer optimizer() {
        return optimizer;
    }
}
