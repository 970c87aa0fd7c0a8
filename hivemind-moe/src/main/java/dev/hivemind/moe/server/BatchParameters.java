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
 * the batch. Running averages are copies, since blocks change them while they compute. To be used within one
 * {@link ai.djl.ndarray.NDScope}, which closes leaves and copies.
 */
final class BatchParameters extends ParameterStore {

    private final Collection<NDArray> trainable;
    private final IdentityHashMap<NDArray, NDArray> leaves = new IdentityHashMap<>();
    private final IdentityHashMap<NDArray, NDArray> averages = new IdentityHashMap<>();

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
        if (parameter == null) {
            return super.getValue(parameter, device, training);
        }
        NDArray array = parameter.getArray();
        if (array.hasGradient()) {
            return leaves.computeIfAbsent(array, owned -> TensorOps.leaf(owned, true));
        }
        return training && isAverage(parameter)
                ? averages.computeIfAbsent(array, NDArray::duplicate)
                : super.getValue(parameter, device, training);
    }

    private static boolean isAverage(Parameter parameter) {
        return parameter.getType() == Parameter.Type.RUNNING_MEAN || parameter.getType() == Parameter.Type.RUNNING_VAR;
    }

    /** Running averages as they are after this batch, in any order. */
    NDList averages() {
        return new NDList(averages.values());
    }

    /** Makes the expert's running averages what this batch made of them. Outside any graph. */
    void keepAverages() {
        averages.forEach((kept, made) -> {
            try (NDArray change = made.sub(kept)) {
                kept.addi(change);
            }
        });
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
