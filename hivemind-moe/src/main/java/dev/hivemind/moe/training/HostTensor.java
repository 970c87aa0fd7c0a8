package dev.hivemind.moe.training;

import static java.util.Objects.requireNonNull;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.tensor.TensorOps;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * A tensor in the memory of the JVM: numbers in row-major order and a shape. It may wait in queues and cross threads, and
 * the garbage collector frees it. Values are taken over, not copied: whoever hands them over does not change them.
 */
public final class HostTensor {

    private final float @Nullable [] floats;
    private final long @Nullable [] longs;
    private final long[] shape;

    private HostTensor(float @Nullable [] floats, long @Nullable [] longs, int length, long[] shape) {
        this.floats = floats;
        this.longs = longs;
        this.shape = shape.clone();
        requireFits(length);
    }

    private void requireFits(int length) {
        long size = 1;
        for (long dimension : shape) {
            if (dimension < 0) {
                throw new IllegalArgumentException("A shape has no negative dimensions, unlike " + new Shape(shape));
            }
            size = Math.multiplyExact(size, dimension);
        }
        if (size != length) {
            throw new IllegalArgumentException(
                    "%d values do not make a tensor of shape %s".formatted(length, new Shape(shape)));
        }
    }

    /** A tensor of float32; no dimensions mean a scalar. */
    public static HostTensor of(float[] values, long... shape) {
        return new HostTensor(requireNonNull(values, "values"), null, values.length, shape);
    }

    /** A tensor of int64; no dimensions mean a scalar. */
    public static HostTensor of(long[] values, long... shape) {
        return new HostTensor(null, requireNonNull(values, "values"), values.length, shape);
    }

    /** Whether the numbers are float32, and not int64. */
    public boolean isFloating() {
        return floats != null;
    }

    /**
     * The numbers themselves, not a copy.
     *
     * @throws IllegalStateException unless {@link #isFloating}
     */
    public float[] floats() {
        if (floats == null) {
            throw new IllegalStateException("A tensor of int64 has no floats");
        }
        return floats;
    }

    /**
     * The numbers themselves, not a copy.
     *
     * @throws IllegalStateException if {@link #isFloating}
     */
    public long[] longs() {
        if (longs == null) {
            throw new IllegalStateException("A tensor of float32 has no longs");
        }
        return longs;
    }

    /** Length of each dimension, in an array of the caller's own. */
    public long[] shape() {
        return shape.clone();
    }

    /** Length of the first dimension; 1 for a scalar. */
    public long rows() {
        return shape.length == 0 ? 1 : shape[0];
    }

    /** A copy for the engine, on the calling thread. */
    NDArray on(NDManager manager) {
        NDArray array = manager.create(new Shape(shape), isFloating() ? DataType.FLOAT32 : DataType.INT64);
        copyTo(array);
        return array;
    }

    /** Overwrites an array that {@linkplain #isLike is like} this. */
    void copyTo(NDArray array) {
        if (array.size() == 0) {
            return;
        }
        if (array.getDevice().getDeviceType().equals(Device.Type.CPU)) {
            write(array);
        } else {
            copyThroughHost(array);
        }
    }

    /** The memory of other devices cannot be written to from here: what is seen of it is a copy. */
    void copyThroughHost(NDArray array) {
        try (NDManager host = TensorOps.newManager(Device.cpu())) {
            on(host).copyTo(array);
        }
    }

    private void write(NDArray array) {
        ByteBuffer memory = array.toByteBuffer(true).order(ByteOrder.nativeOrder());
        if (floats != null) {
            memory.asFloatBuffer().put(floats);
        } else {
            memory.asLongBuffer().put(longs());
        }
    }

    /** A copy of an array of float32 or int64. */
    static HostTensor copyOf(NDArray array) {
        long[] dimensions = array.getShape().getShape();
        return array.getDataType() == DataType.FLOAT32
                ? of(array.toFloatArray(), dimensions)
                : of(array.toLongArray(), dimensions);
    }

    /** Whether an array has this shape and type. */
    boolean isLike(NDArray array) {
        return array.getShape().equals(new Shape(shape))
                && array.getDataType() == (isFloating() ? DataType.FLOAT32 : DataType.INT64);
    }

    @Override
    public String toString() {
        return "HostTensor[%s, %s]".formatted(isFloating() ? "float32" : "int64", new Shape(shape));
    }
}
