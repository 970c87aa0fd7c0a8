package dev.hivemind.moe.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.tensor.Bfloat16;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * DJL arrays to tensor frames and back, at one copy each way, which compresses or decompresses as it goes.
 *
 * <p>A compression that is asked for is used where it makes the tensor smaller; frames say what was done. Received
 * bfloat16 becomes float32.
 *
 * <p>Arrays never share memory with a frame: an array made over a pooled buffer would silently read other data once the
 * buffer is reused. Row methods treat dimension 0 as the batch.
 *
 * <p>Threads: an array is read and written by the calling thread, which must be the one that uses it. Ownership: frames
 * and arrays given are borrowed; frames returned are owned by the caller, arrays returned belong to the manager.
 */
public final class NDArrayFrames {

    static {
        // Elements travel little-endian and are copied as they lie in memory.
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new UnsupportedOperationException("Tensors need a little-endian processor");
        }
    }

    private NDArrayFrames() {}

    /** {@link #encode(NDArray, Compression)} without compression. */
    public static TensorFrame encode(NDArray array) {
        return encode(array, Compression.NONE);
    }

    /**
     * The array's elements in a pooled buffer.
     *
     * @throws IllegalArgumentException if elements of its type cannot travel
     */
    public static TensorFrame encode(NDArray array, Compression compression) {
        TensorDescriptor descriptor = ElementTypes.describe(array).compressedBy(compression);
        try (NativeView view = NativeView.open(array)) {
            return TensorFrame.encode(descriptor, view.bytes());
        }
    }

    /** Every array of a list, in its order, without compression. */
    public static List<TensorFrame> encode(NDList arrays) {
        return encode(arrays, Compression.NONE);
    }

    /** Every array of a list, in its order. */
    public static List<TensorFrame> encode(NDList arrays, Compression compression) {
        return collect(arrays.size(), i -> encode(arrays.get(i), compression));
    }

    /**
     * Rows {@code fromRow} (inclusive) to {@code toRow} (exclusive) of a batch, without compression.
     *
     * @throws IndexOutOfBoundsException if the batch does not have these rows
     */
    public static TensorFrame encodeRows(NDArray batch, long fromRow, long toRow) {
        Rows rows = Rows.of(batch);
        try (NativeView view = NativeView.open(batch)) {
            return copyRows(rows, view.bytes(), fromRow, toRow, Compression.NONE);
        }
    }

    /**
     * Cuts a batch into consecutive parts, one frame each. Rows of single numbers are not compressed.
     *
     * @throws IndexOutOfBoundsException if the batch has fewer rows than the parts
     */
    public static List<TensorFrame> cutRows(NDArray batch, List<Cut> parts) {
        Rows rows = Rows.of(batch);
        try (NativeView view = NativeView.open(batch)) {
            long[] next = {0};
            return collect(parts.size(), i -> {
                long first = next[0];
                next[0] += parts.get(i).rows();
                return copyRows(rows, view.bytes(), first, next[0], parts.get(i).compression());
            });
        }
    }

    /**
     * A new array with the frame's elements.
     *
     * @throws ProtocolViolationException if a boolean is neither 0 nor 1
     */
    public static NDArray decode(NDManager manager, TensorFrame frame) {
        TensorDescriptor descriptor = frame.descriptor();
        NDArray array =
                manager.create(ElementTypes.toShape(descriptor), ElementTypes.toDataType(descriptor.elementType()));
        try (NativeView view = NativeView.open(array)) {
            fill(view.bytes(), frame);
            return array;
        } catch (RuntimeException | Error e) {
            array.close();
            throw e;
        }
    }

    /** A new array for every frame, in their order. */
    public static NDList decode(NDManager manager, List<TensorFrame> frames) {
        var arrays = new NDList(frames.size());
        try {
            frames.forEach(frame -> arrays.add(decode(manager, frame)));
            return arrays;
        } catch (RuntimeException | Error e) {
            arrays.close();
            throw e;
        }
    }

    /**
     * Copies the rows of a frame into a batch.
     *
     * @param batch contiguous, as {@link NDManager#create(ai.djl.ndarray.types.Shape)} makes it
     * @param firstRow the batch's row that receives the frame's first
     * @throws IllegalArgumentException if the frame's rows are not like those of the batch
     * @throws IndexOutOfBoundsException if the batch has no room for them there
     * @throws ProtocolViolationException if a boolean is neither 0 nor 1
     */
    public static void decodeRows(TensorFrame frame, NDArray batch, long firstRow) {
        Rows rows = Rows.of(batch);
        try (NativeView view = NativeView.open(batch)) {
            fillRows(rows, view.bytes(), frame, firstRow);
        }
    }

    /**
     * Copies the rows of frames into a batch, one frame after the other from row 0.
     *
     * @param batch as for {@link #decodeRows}, with exceptions as there
     */
    public static void joinRows(List<TensorFrame> frames, NDArray batch) {
        Rows rows = Rows.of(batch);
        try (NativeView view = NativeView.open(batch)) {
            long first = 0;
            for (TensorFrame frame : frames) {
                fillRows(rows, view.bytes(), frame, first);
                first += frame.descriptor().shape().get(0);
            }
        }
    }

    private static TensorFrame copyRows(
            Rows rows, ByteBuffer source, long fromRow, long toRow, Compression compression) {
        TensorDescriptor descriptor = RowFrames.compressed(rows.descriptor(fromRow, toRow), compression);
        return TensorFrame.encode(descriptor, rows.slice(source, fromRow, toRow));
    }

    private static void fillRows(Rows rows, ByteBuffer target, TensorFrame frame, long firstRow) {
        rows.requireAlike(frame.descriptor());
        long lastRow = firstRow + frame.descriptor().shape().get(0);
        fill(rows.slice(target, firstRow, lastRow), frame);
    }

    /** Writes a frame's elements as they lie in an array. */
    static void fill(ByteBuffer target, TensorFrame frame) {
        ElementType type = frame.descriptor().elementType();
        if (type == ElementType.BOOL && frame.data().forEachByte(b -> b == 0 || b == 1) >= 0) {
            throw new ProtocolViolationException("A boolean is 0 or 1");
        }
        if (type == ElementType.BFLOAT16) {
            Bfloat16.widen(frame.data(), target);
        } else {
            frame.decodeInto(target);
        }
    }

    private static List<TensorFrame> collect(int count, java.util.function.IntFunction<TensorFrame> source) {
        var frames = new ArrayList<TensorFrame>(count);
        try {
            for (int i = 0; i < count; i++) {
                frames.add(source.apply(i));
            }
            return frames;
        } catch (RuntimeException | Error e) {
            frames.forEach(TensorFrame::release);
            throw e;
        }
    }
}
