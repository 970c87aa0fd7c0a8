package dev.hivemind.moe.tensor;

import ai.djl.ndarray.NDArray;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * Chosen rows of a batch to frames and back, at one copy each way. What {@link NDArrayFrames} does for consecutive rows,
 * this does for any; threads and ownership are as there.
 */
public final class RowFrames {

    /** All set in infinities and NaN, and in nothing else. */
    private static final int EXPONENT_BITS = 0x7f800000;

    private RowFrames() {}

    /** The rows with these numbers, in this order; a number may repeat. */
    public static TensorFrame gather(NDArray batch, int[] numbers) {
        Rows rows = Rows.of(batch);
        TensorDescriptor descriptor = rows.like(numbers.length);
        try (NativeView view = NativeView.open(batch)) {
            ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(Math.max(1, descriptor.sizeBytes()));
            for (int number : numbers) {
                data.writeBytes(rows.slice(view.bytes(), number, number + 1));
            }
            return new TensorFrame(descriptor, data);
        }
    }

    /**
     * Writes the rows of a frame over the rows with these numbers.
     *
     * @param batch contiguous, of the frame's element type and row shape
     */
    public static void scatter(TensorFrame frame, NDArray batch, int[] numbers) {
        Rows rows = requireAlike(frame, batch, numbers);
        int offset = frame.data().readerIndex();
        try (NativeView view = NativeView.open(batch)) {
            for (int number : numbers) {
                frame.data().getBytes(offset, rows.slice(view.bytes(), number, number + 1));
                offset += rows.rowBytes();
            }
        }
    }

    /**
     * Adds the rows of a float32 frame to the rows with these numbers, which may repeat.
     *
     * @param batch contiguous, of the frame's element type and row shape
     */
    public static void scatterAdd(TensorFrame frame, NDArray batch, int[] numbers) {
        Rows rows = requireAlike(frame, batch, numbers);
        if (frame.descriptor().elementType() != ElementType.FLOAT32) {
            throw new IllegalArgumentException("Only rows of float32 can be added, not " + frame.descriptor());
        }
        int offset = frame.data().readerIndex();
        try (NativeView view = NativeView.open(batch)) {
            for (int number : numbers) {
                add(frame.data(), offset, floats(rows.slice(view.bytes(), number, number + 1)));
                offset += rows.rowBytes();
            }
        }
    }

    /** Whether a float32 frame holds finite numbers alone. */
    public static boolean isFinite(TensorFrame frame) {
        ByteBuf data = frame.data();
        for (int offset = data.readerIndex(); offset < data.writerIndex(); offset += Float.BYTES) {
            if ((data.getIntLE(offset) & EXPONENT_BITS) == EXPONENT_BITS) {
                return false;
            }
        }
        return true;
    }

    private static void add(ByteBuf data, int offset, FloatBuffer row) {
        for (int i = 0; i < row.limit(); i++) {
            row.put(i, row.get(i) + data.getFloatLE(offset + i * Float.BYTES));
        }
    }

    private static FloatBuffer floats(ByteBuffer bytes) {
        return bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    }

    private static Rows requireAlike(TensorFrame frame, NDArray batch, int[] numbers) {
        Rows rows = Rows.of(batch);
        if (!rows.like(numbers.length).equals(frame.descriptor())) {
            throw new IllegalArgumentException(
                    "%d rows of %s do not fit into %s".formatted(numbers.length, frame.descriptor(), rows.batch()));
        }
        return rows;
    }
}
