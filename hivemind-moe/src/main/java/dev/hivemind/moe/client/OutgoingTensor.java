package dev.hivemind.moe.client;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.ElementTypes;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.moe.tensor.RowFrames;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One tensor of a call: an array, or rows of it that were chosen. Borrows the array. */
final class OutgoingTensor {

    private final NDArray array;
    private final int @Nullable [] rows;
    private final boolean gradient;
    private final TensorDescriptor descriptor;

    private OutgoingTensor(NDArray array, int @Nullable [] rows, boolean gradient, TensorDescriptor descriptor) {
        this.array = array;
        this.rows = rows;
        this.gradient = gradient;
        this.descriptor = descriptor;
    }

    static List<OutgoingTensor> inputs(NDList arrays) {
        List<OutgoingTensor> tensors = new ArrayList<>(arrays.size());
        addAll(tensors, arrays, false);
        return tensors;
    }

    static List<OutgoingTensor> inputsAndGradients(NDList inputs, NDList gradients) {
        List<OutgoingTensor> tensors = new ArrayList<>(inputs.size() + gradients.size());
        addAll(tensors, inputs, false);
        addAll(tensors, gradients, true);
        return tensors;
    }

    private static void addAll(List<OutgoingTensor> tensors, NDList arrays, boolean gradients) {
        for (NDArray array : arrays) {
            tensors.add(all(array, gradients));
        }
    }

    private static OutgoingTensor all(NDArray array, boolean gradient) {
        return new OutgoingTensor(array, null, gradient, ElementTypes.describe(array));
    }

    /** Rows of a batch, by their numbers. */
    static List<OutgoingTensor> inputRows(NDList inputs, int[] rows) {
        List<OutgoingTensor> tensors = new ArrayList<>(inputs.size());
        inputs.forEach(input -> tensors.add(some(input, rows, false)));
        return tensors;
    }

    /** Rows of a batch and of the gradients of its outputs, by their numbers. */
    static List<OutgoingTensor> inputAndGradientRows(NDList inputs, int[] rows, NDList gradients, int[] gradientRows) {
        List<OutgoingTensor> tensors = inputRows(inputs, rows);
        gradients.forEach(gradient -> tensors.add(some(gradient, gradientRows, true)));
        return tensors;
    }

    private static OutgoingTensor some(NDArray batch, int[] rows, boolean gradient) {
        return new OutgoingTensor(batch, rows, gradient, describe(batch, rows));
    }

    private static TensorDescriptor describe(NDArray batch, int[] rows) {
        List<Long> shape = new ArrayList<>(ElementTypes.describe(batch).shape());
        shape.set(0, (long) rows.length);
        return new TensorDescriptor(ElementTypes.toElementType(batch.getDataType()), shape);
    }

    /** What arrives at the expert. */
    TensorDescriptor descriptor() {
        return descriptor;
    }

    /**
     * The same tensor by a handle of its own, so that another thread can read it while this one's array is used for
     * other things.
     */
    OutgoingTensor aliasIn(NDManager manager) {
        NDArray alias = TensorOps.leaf(array, false);
        alias.attach(manager);
        return new OutgoingTensor(alias, rows, gradient, descriptor);
    }

    /** All frames, owned by the caller. */
    static List<TensorFrame> encode(List<OutgoingTensor> tensors, CallPolicy policy) {
        List<TensorFrame> frames = new ArrayList<>(tensors.size());
        try {
            tensors.forEach(tensor -> frames.add(tensor.encode(policy)));
            return frames;
        } catch (RuntimeException | Error e) {
            frames.forEach(TensorFrame::release);
            throw e;
        }
    }

    private TensorFrame encode(CallPolicy policy) {
        Compression compression = gradient ? policy.gradients() : policy.activations();
        return rows == null ? NDArrayFrames.encode(array, compression) : RowFrames.gather(array, rows, compression);
    }
}
