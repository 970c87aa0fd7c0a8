package dev.hivemind.rsocket.compression;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/**
 * Linear quantization. Every row is cut into blocks of 4,096 numbers, the last of a row perhaps shorter; a block is its
 * scale as a little-endian float32, then one signed byte for each number: the number divided by the scale, rounded to
 * nearest, ties to even. The scale is the largest magnitude of the block divided by 127, so that zeros stay zeros.
 *
 * <p>A block with a number that is not finite has the scale NaN, and so has none but NaN when decoded.
 */
final class Int8Codec implements TensorCodec {

    static final int BLOCK = 4_096;

    private static final float STEPS = 127;

    /** Smaller scales would lose digits, and their inverse would be infinite: such blocks are written as zeros. */
    private static final float MIN_SCALE = Float.MIN_NORMAL;

    /** So that 127 times the scale is finite. */
    private static final float MAX_SCALE = Math.nextDown(Float.MAX_VALUE / STEPS);

    private static final int MAGNITUDE = 0x7fffffff;
    private static final int INFINITY = 0x7f800000;

    /** 1.5·2²³: adding it to a small number leaves the number, rounded, in the low bits. */
    private static final float ROUNDER = 0x1.8p23f;

    @Override
    public int wireId() {
        return 2;
    }

    @Override
    public String name() {
        return "int8";
    }

    @Override
    public boolean supports(TensorLayout layout) {
        return layout.isSingleOrDouble();
    }

    @Override
    public long encodedBytes(TensorLayout layout) {
        long blocks = (layout.rowLength() + BLOCK - 1L) / BLOCK;
        return layout.rows() * (Float.BYTES * blocks + layout.rowLength());
    }

    @Override
    public void encode(TensorLayout layout, ByteBuffer source, ByteBuf target) {
        FloatView numbers = FloatView.of(layout, source);
        int longest = Math.min(BLOCK, layout.rowLength());
        float[] floats = new float[longest];
        byte[] bytes = new byte[longest];
        target.ensureWritable(Math.toIntExact(encodedBytes(layout)));
        forEachBlock(layout, (index, count) -> {
            numbers.read(index, floats, count);
            target.writeFloatLE(quantize(floats, bytes, count));
            target.writeBytes(bytes, 0, count);
        });
    }

    @Override
    public void decode(TensorLayout layout, ByteBuf encoded, ByteBuffer target) {
        FloatView numbers = FloatView.of(layout, target);
        int longest = Math.min(BLOCK, layout.rowLength());
        float[] floats = new float[longest];
        byte[] bytes = new byte[longest];
        ByteBuf reader = encoded.slice();
        forEachBlock(layout, (index, count) -> {
            float scale = reader.readFloatLE();
            reader.readBytes(bytes, 0, count);
            multiply(bytes, scale, floats, count);
            numbers.write(index, floats, count);
        });
    }

    private static void forEachBlock(TensorLayout layout, Block action) {
        for (int row = 0; row < layout.rows(); row++) {
            int first = row * layout.rowLength();
            for (int column = 0; column < layout.rowLength(); column += BLOCK) {
                action.accept(first + column, Math.min(BLOCK, layout.rowLength() - column));
            }
        }
    }

    /** Fills in the bytes of a block; spoils the numbers. Returns the scale. */
    private static float quantize(float[] numbers, byte[] bytes, int count) {
        float scale = scale(numbers, count);
        if (scale >= MIN_SCALE) {
            float inverse = 1 / scale;
            shiftToLowBits(numbers, inverse, count);
            for (int i = 0; i < count; i++) {
                bytes[i] = (byte) Float.floatToRawIntBits(numbers[i]);
            }
            return scale;
        }
        java.util.Arrays.fill(bytes, 0, count, (byte) 0);
        return Float.isNaN(scale) ? Float.NaN : 0;
    }

    private static float scale(float[] numbers, int count) {
        int largest = 0;
        for (int i = 0; i < count; i++) {
            largest = Math.max(largest, Float.floatToRawIntBits(numbers[i]) & MAGNITUDE);
        }
        return largest >= INFINITY ? Float.NaN : Math.min(Float.intBitsToFloat(largest) / STEPS, MAX_SCALE);
    }

    private static void shiftToLowBits(float[] numbers, float inverse, int count) {
        for (int i = 0; i < count; i++) {
            numbers[i] = numbers[i] * inverse + ROUNDER;
        }
    }

    private static void multiply(byte[] bytes, float scale, float[] numbers, int count) {
        for (int i = 0; i < count; i++) {
            numbers[i] = bytes[i] * scale;
        }
    }

    /** What is done with each block of a tensor. */
    @FunctionalInterface
    private interface Block {

        void accept(int index, int count);
    }
}
