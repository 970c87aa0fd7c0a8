package dev.hivemind.moe.server;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.Collection;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of an expert as one batch trains them: leaves that share the memory of the parameters, but have
 * gradients of their own. Each gradient is what the engine made, neither cleared before nor added up, and is freed with
 * the batch. To be used within one {@link ai.djl.ndarray.NDScope}, which closes the leaves.
 */
final class BatchParameters extends ParameterStore {

    private final Collection<NDArray> trainable;
    private final IdentityHashMap<NDArray, NDArray> leaves = new IdentityHashMap<>();

    /** @param trainable parameters that gradients are wanted of */
    BatchParameters(NDManager manager, Collection<NDArray> trainable) {
        super(manager, false);
        this.trainable = trainable;
        // Has an effect where a block does not ask for its parameters, but uses them as they are.
        trainable.forEach(TensorOps::zeroGradient);
    }

    @Override
    @SuppressWarnings("NullAway") // DJL's blocks ask for optional parameters, which they may not have
    public @Nullable NDArray getValue(@Nullable Parameter parameter, Device device, boolean training) {
        if (parameter == null || !parameter.getArray().hasGradient()) {
            return super.getValue(parameter, device, training);
        }
        return leaves.computeIfAbsent(parameter.getArray(), array -> TensorOps.leaf(array, true));
    }

    /** Of every parameter that is trained, in their order; zeros of those that did not matter. */
    NDList gradients() {
        var gradients = new NDList(trainable.size());
        for (NDArray parameter : trainable) {
            gradients.add(leaves.getOrDefault(parameter, parameter).getGradient());
        }
        return gradients;
    }
}
