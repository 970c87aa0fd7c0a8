package dev.hivemind.moe.tensor;

import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** The rows of a frame one by one, each decoded by itself. Borrows the frame. */
final class FrameRows {

    private final TensorFrame frame;
    private final TensorDescriptor row;
    private final int rowWireBytes;
    private final boolean isAsInArrays;

    /** @throws IllegalArgumentException if the frame's rows were not written apart: single numbers, compressed */
    FrameRows(TensorFrame frame) {
        this.frame = frame;
        this.row = rowOf(frame.descriptor());
        this.rowWireBytes = row.wireBytes();
        this.isAsInArrays = isAsInArrays(row);
        if (row.shape().size() == 1 && row.isCompressed()) {
            throw new IllegalArgumentException("The rows of %s cannot be told apart".formatted(frame.descriptor()));
        }
    }

    /** One row of such a tensor, written as all of it is. */
    static TensorDescriptor rowOf(TensorDescriptor batch) {
        List<Long> shape = new ArrayList<>(batch.shape());
        shape.set(0, 1L);
        return new TensorDescriptor(batch.elementType(), shape, batch.compression());
    }

    /** Whether the bytes of a tensor need only be copied, neither converted nor looked at. */
    static boolean isAsInArrays(TensorDescriptor tensor) {
        return !tensor.isCompressed()
                && tensor.elementType() != ElementType.BFLOAT16
                && tensor.elementType() != ElementType.BOOL;
    }

    /** Number of rows. */
    int count() {
        return Math.toIntExact(frame.descriptor().shape().get(0));
    }

    /** Bytes that a row takes in an array. */
    int rowBytes() {
        return ElementTypes.asArray(row).sizeBytes();
    }

    /**
     * Writes a row as it lies in an array.
     *
     * @param target has room for it and for nothing else; its position stays as it is
     */
    void read(int index, ByteBuffer target) {
        int offset = frame.data().readerIndex() + index * rowWireBytes;
        if (isAsInArrays) {
            int start = target.position();
            frame.data().getBytes(offset, target);
            target.position(start);
            return;
        }
        NDArrayFrames.fill(target, new TensorFrame(row, frame.data().slice(offset, rowWireBytes)));
    }
}
