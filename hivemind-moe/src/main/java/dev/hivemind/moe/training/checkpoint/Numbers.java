package dev.hivemind.moe.training.checkpoint;

import dev.hivemind.moe.training.HostTensor;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** The numbers of a tensor on their way from and to bytes. One of the arrays is there. */
record Numbers(float @Nullable [] floats, long @Nullable [] longs) {

    static Numbers of(HostTensor tensor) {
        return tensor.isFloating() ? new Numbers(tensor.floats(), null) : new Numbers(null, tensor.longs());
    }

    static Numbers zeros(boolean floating, int count) {
        return floating ? new Numbers(new float[count], null) : new Numbers(null, new long[count]);
    }

    int count() {
        return floats != null ? floats.length : longs == null ? 0 : longs.length;
    }

    /** Bytes of each number. */
    int width() {
        return floats != null ? Float.BYTES : Long.BYTES;
    }

    /** Puts as many numbers as fit, from an index on, at the buffer's position; returns how many. */
    int put(ByteBuffer buffer, int from) {
        int count = Math.min(buffer.remaining() / width(), count() - from);
        if (floats != null) {
            buffer.asFloatBuffer().put(floats, from, count);
        } else if (longs != null) {
            buffer.asLongBuffer().put(longs, from, count);
        }
        buffer.position(buffer.position() + count * width());
        return count;
    }

    /** Takes all numbers that the buffer has to places from an index on. */
    void get(ByteBuffer buffer, int from) {
        int count = buffer.remaining() / width();
        if (floats != null) {
            buffer.asFloatBuffer().get(floats, from, count);
        } else if (longs != null) {
            buffer.asLongBuffer().get(longs, from, count);
        }
    }

    HostTensor toTensor(long[] shape) {
        if (floats != null) {
            return HostTensor.of(floats, shape);
        }
        return HostTensor.of(longs == null ? new long[0] : longs, shape);
    }
}
