package dev.hivemind.rsocket.compression;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;

/**
 * Little-endian float32 or float64 numbers in a buffer, read and written as {@code float} in bulk: loops over arrays are
 * what the compiler turns into vector instructions.
 */
abstract class FloatView {

    /** Copies numbers from {@code index} on to the begin of the array, each rounded to the nearest float. */
    abstract void read(int index, float[] target, int count);

    /**
     * As {@link #read}, but a number that is no float becomes the neighbour whose last bit is set. Such a float can be
     * rounded once more, to fewer digits, and gives what rounding the number itself would.
     */
    abstract void readToRoundAgain(int index, float[] target, int count);

    /** Copies numbers from the begin of the array to {@code index} and on. */
    abstract void write(int index, float[] source, int count);

    /** The numbers from the buffer's position on. */
    static FloatView of(TensorLayout layout, ByteBuffer buffer) {
        ByteBuffer bytes = buffer.slice(buffer.position(), layout.sizeBytes()).order(ByteOrder.LITTLE_ENDIAN);
        return layout.elementBytes() == Float.BYTES
                ? new Singles(bytes.asFloatBuffer())
                : new Doubles(bytes.asDoubleBuffer());
    }

    /** Rounds to a float that can be rounded again. */
    static float roundToOdd(double value) {
        float nearest = (float) value;
        if (nearest == value || Double.isNaN(value)) {
            return nearest;
        }
        int bits = Float.floatToRawIntBits(nearest);
        int truncated = Math.abs((double) nearest) > Math.abs(value) ? bits - 1 : bits;
        return Float.intBitsToFloat(truncated | 1);
    }

    private static final class Singles extends FloatView {

        private final FloatBuffer numbers;

        Singles(FloatBuffer numbers) {
            this.numbers = numbers;
        }

        @Override
        void read(int index, float[] target, int count) {
            numbers.get(index, target, 0, count);
        }

        @Override
        void readToRoundAgain(int index, float[] target, int count) {
            numbers.get(index, target, 0, count);
        }

        @Override
        void write(int index, float[] source, int count) {
            numbers.put(index, source, 0, count);
        }
    }

    private static final class Doubles extends FloatView {

        private final DoubleBuffer numbers;

        Doubles(DoubleBuffer numbers) {
            this.numbers = numbers;
        }

        @Override
        void read(int index, float[] target, int count) {
            for (int i = 0; i < count; i++) {
                target[i] = (float) numbers.get(index + i);
            }
        }

        @Override
        void readToRoundAgain(int index, float[] target, int count) {
            for (int i = 0; i < count; i++) {
                target[i] = roundToOdd(numbers.get(index + i));
            }
        }

        @Override
        void write(int index, float[] source, int count) {
            for (int i = 0; i < count; i++) {
                numbers.put(index + i, source[i]);
            }
        }
    }
}
