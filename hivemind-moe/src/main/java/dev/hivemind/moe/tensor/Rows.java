package dev.hivemind.moe.tensor;

import ai.djl.ndarray.NDArray;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** The geometry of a batch: dimension 0 counts rows, and every row takes as many bytes. */
record Rows(TensorDescriptor batch, long count, int rowBytes) {

    static Rows of(NDArray array) {
        TensorDescriptor batch = ElementTypes.describe(array);
        requireBatchDimension(batch);
        return new Rows(batch, batch.shape().get(0), like(batch, 1).sizeBytes());
    }

    /** The descriptor of these rows alone. */
    TensorDescriptor descriptor(long fromRow, long toRow) {
        Objects.checkFromToIndex(fromRow, toRow, count);
        return like(batch, toRow - fromRow);
    }

    /** The bytes of these rows alone. */
    ByteBuffer slice(ByteBuffer bytes, long fromRow, long toRow) {
        Objects.checkFromToIndex(fromRow, toRow, count);
        return bytes.slice(Math.toIntExact(fromRow * rowBytes), Math.toIntExact((toRow - fromRow) * rowBytes));
    }

    /** The descriptor of a batch of so many such rows. */
    TensorDescriptor like(long rows) {
        return like(batch, rows);
    }

    void requireAlike(TensorDescriptor part) {
        requireBatchDimension(part);
        if (!like(batch, part.shape().get(0)).equals(ElementTypes.asArray(part))) {
            throw new IllegalArgumentException("Rows of %s do not fit into %s".formatted(part, batch));
        }
    }

    private static TensorDescriptor like(TensorDescriptor batch, long rows) {
        List<Long> shape = new ArrayList<>(batch.shape());
        shape.set(0, rows);
        return new TensorDescriptor(batch.elementType(), shape);
    }

    private static void requireBatchDimension(TensorDescriptor tensor) {
        if (tensor.shape().isEmpty()) {
            throw new IllegalArgumentException("A scalar has no rows");
        }
    }
}
