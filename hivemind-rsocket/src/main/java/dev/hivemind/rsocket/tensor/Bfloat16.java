package dev.hivemind.rsocket.tensor;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * {@link ElementType#BFLOAT16} to float32, which is exact, and back, rounded to nearest with ties to even. NaN stays NaN.
 */
public final class Bfloat16 {

    /** Elements converted at a time, in memory of the processor's first cache. */
    private static final int PIECE = 2_048;

    private static final int DROPPED_BITS = 16;
    private static final int ROUND_UP_BELOW_HALF = 0x7fff;
    private static final int QUIET_NAN_BIT = 0x40;

    private Bfloat16() {}

    /** The float of the same value. */
    public static float toFloat(short value) {
        return Float.intBitsToFloat(value << DROPPED_BITS);
    }

    /** The nearest value; what is too large becomes infinite. */
    public static short fromFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> DROPPED_BITS) | QUIET_NAN_BIT);
        }
        int odd = (bits >>> DROPPED_BITS) & 1;
        return (short) ((bits + ROUND_UP_BELOW_HALF + odd) >>> DROPPED_BITS);
    }

    /**
     * Writes elements as float32.
     *
     * @param source borrowed; its readable bytes are little-endian elements, and its indices stay as they are
     * @param target takes twice as many bytes from its position on, little-endian; position and limit stay as they are
     */
    public static void widen(ByteBuf source, ByteBuffer target) {
        int elements = source.readableBytes() / Short.BYTES;
        FloatBuffer floats = target.slice(target.position(), elements * Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer();
        int piece = Math.min(PIECE, elements);
        ByteBuffer bytes = ByteBuffer.allocate(piece * Short.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        float[] widened = new float[piece];
        for (int index = 0; index < elements; index += piece) {
            int count = Math.min(piece, elements - index);
            source.getBytes(source.readerIndex() + index * Short.BYTES, bytes.array(), 0, count * Short.BYTES);
            for (int i = 0; i < count; i++) {
                widened[i] = toFloat(bytes.getShort(i * Short.BYTES));
            }
            floats.put(index, widened, 0, count);
        }
    }

    /**
     * Appends float32 elements.
     *
     * @param source little-endian elements from position to limit, which stay as they are
     * @param target borrowed; half as many bytes are appended
     */
    public static void narrow(ByteBuffer source, ByteBuf target) {
        FloatBuffer floats = source.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        target.ensureWritable(floats.limit() * Short.BYTES);
        for (int i = 0; i < floats.limit(); i++) {
            target.writeShortLE(fromFloat(floats.get(i)));
        }
    }
}
