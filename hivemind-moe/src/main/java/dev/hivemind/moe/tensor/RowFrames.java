package dev.hivemind.moe.tensor;

import ai.djl.ndarray.NDArray;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorBuffers;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.function.Consumer;

/**
 * Chosen rows of a batch to frames and back, at one copy each way. What {@link NDArrayFrames} does for consecutive rows,
 * this does for any; threads and ownership are as there.
 */
public final class RowFrames {

    /** All set in infinities and NaN, and in nothing else. */
    private static final int EXPONENT_BITS = 0x7f800000;

    private static final int HALF_EXPONENT_BITS = 0x7c00;
    private static final long DOUBLE_EXPONENT_BITS = 0x7ff0000000000000L;

    private RowFrames() {}

    /**
     * How the rows of a batch are written: compressed where that makes them smaller, and they are more than single
     * numbers, which could not be told apart.
     */
    public static TensorDescriptor compressed(TensorDescriptor batch, Compression compression) {
        return batch.compressedBy(isOfSingleNumbers(batch) ? Compression.NONE : compression);
    }

    private static boolean isOfSingleNumbers(TensorDescriptor batch) {
        return batch.shape().size() == 1;
    }

    /**
     * The rows with these numbers, in this order; a number may repeat.
     *
     * @param compression used where it makes the rows smaller, and they are more than single numbers
     */
    public static TensorFrame gather(NDArray batch, int[] numbers, Compression compression) {
        Rows rows = Rows.of(batch);
        TensorDescriptor descriptor = compressed(rows.like(numbers.length), compression);
        TensorDescriptor row = FrameRows.rowOf(descriptor);
        ByteBuf data = TensorBuffers.allocate(descriptor.wireBytes());
        try (NativeView view = NativeView.open(batch)) {
            for (int number : numbers) {
                TensorFrameCodec.encode(row, rows.slice(view.bytes(), number, number + 1), data);
            }
            return new TensorFrame(descriptor, data);
        } catch (RuntimeException | Error e) {
            data.release();
            throw e;
        }
    }

    /**
     * Writes the rows of a frame over the rows with these numbers.
     *
     * @param batch contiguous, of the frame's element type and row shape
     */
    public static void scatter(TensorFrame frame, NDArray batch, int[] numbers) {
        Rows rows = requireAlike(frame, batch, numbers);
        withRows(frame, received -> {
            try (NativeView view = NativeView.open(batch)) {
                for (int i = 0; i < numbers.length; i++) {
                    received.read(i, rows.slice(view.bytes(), numbers[i], numbers[i] + 1));
                }
            }
        });
    }

    /**
     * Adds the rows of a float32 frame to the rows with these numbers, which may repeat.
     *
     * @param batch contiguous, of the frame's element type and row shape
     */
    public static void scatterAdd(TensorFrame frame, NDArray batch, int[] numbers) {
        Rows rows = requireAlike(frame, batch, numbers);
        if (rows.batch().elementType() != ElementType.FLOAT32) {
            throw new IllegalArgumentException("Only rows of float32 can be added, not " + frame.descriptor());
        }
        ByteBuffer row = littleEndian(ByteBuffer.allocate(rows.rowBytes()));
        withRows(frame, received -> {
            try (NativeView view = NativeView.open(batch)) {
                for (int i = 0; i < numbers.length; i++) {
                    received.read(i, row);
                    add(row.asFloatBuffer(), floats(rows.slice(view.bytes(), numbers[i], numbers[i] + 1)));
                }
            }
        });
    }

    /** Some peers compress single numbers too: such a frame is decompressed as a whole. */
    private static void withRows(TensorFrame frame, Consumer<FrameRows> work) {
        if (!frame.descriptor().isCompressed() || !isOfSingleNumbers(frame.descriptor())) {
            work.accept(new FrameRows(frame));
            return;
        }
        TensorFrame plain = frame.decompress();
        try {
            work.accept(new FrameRows(plain));
        } finally {
            plain.release();
        }
    }

    /** Whether a frame holds finite numbers alone. Integers and booleans are. */
    public static boolean isFinite(TensorFrame frame) {
        TensorDescriptor array = ElementTypes.asArray(frame.descriptor());
        if (!array.elementType().isFloatingPoint() || array.elements() == 0) {
            return true;
        }
        if (FrameRows.isAsInArrays(frame.descriptor()) && frame.data().nioBufferCount() == 1) {
            return isFinite(littleEndian(frame.data().nioBuffer()), array.elementType());
        }
        if (array.shape().size() <= 1) {
            ByteBuffer all = littleEndian(ByteBuffer.allocate(array.sizeBytes()));
            NDArrayFrames.fill(all, frame);
            return isFinite(all, array.elementType());
        }
        return rowsAreFinite(frame, array.elementType());
    }

    private static boolean rowsAreFinite(TensorFrame frame, ElementType type) {
        var received = new FrameRows(frame);
        ByteBuffer row = littleEndian(ByteBuffer.allocate(received.rowBytes()));
        for (int i = 0; i < received.count(); i++) {
            received.read(i, row);
            if (!isFinite(row, type)) {
                return false;
            }
        }
        return true;
    }

    private static boolean isFinite(ByteBuffer row, ElementType type) {
        return switch (type) {
            case FLOAT16 -> isFinite(row.asShortBuffer());
            case FLOAT64 -> isFinite(row.asLongBuffer());
            default -> isFinite(row.asIntBuffer());
        };
    }

    private static boolean isFinite(IntBuffer row) {
        for (int i = 0; i < row.limit(); i++) {
            if ((row.get(i) & EXPONENT_BITS) == EXPONENT_BITS) {
                return false;
            }
        }
        return true;
    }

    private static boolean isFinite(ShortBuffer row) {
        for (int i = 0; i < row.limit(); i++) {
            if ((row.get(i) & HALF_EXPONENT_BITS) == HALF_EXPONENT_BITS) {
                return false;
            }
        }
        return true;
    }

    private static boolean isFinite(LongBuffer row) {
        for (int i = 0; i < row.limit(); i++) {
            if ((row.get(i) & DOUBLE_EXPONENT_BITS) == DOUBLE_EXPONENT_BITS) {
                return false;
            }
        }
        return true;
    }

    private static void add(FloatBuffer source, FloatBuffer target) {
        for (int i = 0; i < target.limit(); i++) {
            target.put(i, target.get(i) + source.get(i));
        }
    }

    private static FloatBuffer floats(ByteBuffer bytes) {
        return littleEndian(bytes).asFloatBuffer();
    }

    private static ByteBuffer littleEndian(ByteBuffer bytes) {
        return bytes.order(ByteOrder.LITTLE_ENDIAN);
    }

    private static Rows requireAlike(TensorFrame frame, NDArray batch, int[] numbers) {
        Rows rows = Rows.of(batch);
        if (!rows.like(numbers.length).equals(ElementTypes.asArray(frame.descriptor()))) {
            throw new IllegalArgumentException(
                    "%d rows of %s do not fit into %s".formatted(numbers.length, frame.descriptor(), rows.batch()));
        }
        return rows;
    }
}
