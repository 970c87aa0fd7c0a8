package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.tensor.ElementTypes;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.util.List;

/** What outputs of the experts look like, as far as any was seen; before that, like the samples. Thread-safe. */
final class RowShapes {

    private volatile List<TensorDescriptor> seen = List.of();

    /**
     * The shapes of outputs with so many slots.
     *
     * @param latest one row of each; empty if nobody answered
     */
    List<Shape> shapes(List<TensorDescriptor> latest, NDArray samples, int slots) {
        if (!latest.isEmpty()) {
            seen = latest;
        }
        List<TensorDescriptor> rows = seen.isEmpty() ? List.of(ElementTypes.describe(samples)) : seen;
        return rows.stream().map(row -> shape(row, slots)).toList();
    }

    private static Shape shape(TensorDescriptor row, int slots) {
        long[] shape = row.shape().stream().mapToLong(Long::longValue).toArray();
        shape[0] = slots;
        return new Shape(shape);
    }
}
