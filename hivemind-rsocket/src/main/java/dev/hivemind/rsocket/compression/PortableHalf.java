package dev.hivemind.rsocket.compression;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * Half precision by arithmetic on bits, for JVMs before 20.
 *
 * <p>A half has 5 bits of exponent and 10 of significand, a float 8 and 23. Where the exponent fits, a half is a float
 * without the last 13 bits and with another exponent bias. Small halves are multiples of 2⁻²⁴: adding 0.5, whose last bit
 * is worth just that, makes the processor round to them, and small floats are made from them by a subtraction.
 *
 * <p>Written as simple loops over {@code int} and {@code float} arrays, which the compiler turns into vector
 * instructions; it does so neither for branches, nor where a loop takes the bits of a float. Hence every number takes
 * all ways, masks select one, and bits change their type by copies between the loops. Confined to one thread.
 */
final class PortableHalf implements HalfPrecision {

    private static final int SIGN = 0x8000;
    private static final int MAGNITUDE = 0x7fff;
    private static final int INFINITY = 0x7c00;
    private static final int QUIET_NAN_BIT = 0x0200;
    private static final int SMALLEST_NORMAL = 0x0400;

    private static final int FLOAT_MAGNITUDE = 0x7fffffff;
    private static final int FLOAT_INFINITY = 0x7f800000;

    private static final int DROPPED_BITS = 13;
    private static final int DROPPED_SIGN_BITS = 16;
    private static final int BIAS_DIFFERENCE = (127 - 15) << 23;
    private static final int ROUND_UP_BELOW_HALF = (1 << (DROPPED_BITS - 1)) - 1;

    /** 65,520: the least float that rounds to infinity. */
    private static final int FLOAT_OVERFLOW = 0x477ff000;

    /** 2⁻¹⁴: the least float whose half has a full significand. */
    private static final float FLOAT_SMALLEST_NORMAL = 0x1p-14f;

    private static final int FLOAT_SMALLEST_NORMAL_BITS = 0x38800000;

    private static final float ROUNDER = 0.5f;
    private static final int ROUNDER_BITS = 0x3f000000;

    private final FloatBuffer asFloats;
    private final IntBuffer asBits;
    private final float[] floats;
    private final int[] bits;
    private final int[] small;

    /** Converts up to {@code most} numbers at a time. */
    PortableHalf(int most) {
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * most).order(ByteOrder.nativeOrder());
        this.asFloats = bytes.asFloatBuffer();
        this.asBits = bytes.asIntBuffer();
        this.floats = new float[most];
        this.bits = new int[most];
        this.small = new int[most];
    }

    @Override
    public void narrow(float[] source, short[] target, int count) {
        toBits(source, bits, count);
        addRounder(source, floats, count);
        toBits(floats, small, count);
        narrowBits(bits, small, count);
        for (int i = 0; i < count; i++) {
            target[i] = (short) bits[i];
        }
    }

    @Override
    public void widen(short[] source, float[] target, int count) {
        for (int i = 0; i < count; i++) {
            bits[i] = source[i];
        }
        addSmallestNormal(bits, small, count);
        toFloats(small, floats, count);
        subtractSmallestNormal(floats, count);
        toBits(floats, small, count);
        widenBits(bits, small, count);
        toFloats(bits, target, count);
    }

    private static void addRounder(float[] source, float[] target, int count) {
        for (int i = 0; i < count; i++) {
            target[i] = Math.abs(source[i]) + ROUNDER;
        }
    }

    /** Floats to halves in place; {@code small} is what they are if they lie below the smallest normal half. */
    private static void narrowBits(int[] bits, int[] small, int count) {
        for (int i = 0; i < count; i++) {
            int magnitude = bits[i] & FLOAT_MAGNITUDE;
            int odd = (magnitude >>> DROPPED_BITS) & 1;
            int normal = (magnitude - BIAS_DIFFERENCE + ROUND_UP_BELOW_HALF + odd) >>> DROPPED_BITS;
            int isSmall = (magnitude - FLOAT_SMALLEST_NORMAL_BITS) >> 31;
            int finite = normal ^ ((normal ^ (small[i] - ROUNDER_BITS)) & isSmall);
            int isOver = (FLOAT_OVERFLOW - 1 - magnitude) >> 31;
            int isNaN = (FLOAT_INFINITY - magnitude) >> 31;
            int half = (finite & ~isOver) | (INFINITY & isOver) | (QUIET_NAN_BIT & isNaN);
            bits[i] = half | ((bits[i] >>> DROPPED_SIGN_BITS) & SIGN);
        }
    }

    private static void addSmallestNormal(int[] halves, int[] target, int count) {
        for (int i = 0; i < count; i++) {
            target[i] = ((halves[i] & MAGNITUDE) << DROPPED_BITS) + FLOAT_SMALLEST_NORMAL_BITS;
        }
    }

    private static void subtractSmallestNormal(float[] numbers, int count) {
        for (int i = 0; i < count; i++) {
            numbers[i] = numbers[i] - FLOAT_SMALLEST_NORMAL;
        }
    }

    /** Halves to floats in place; {@code small} is what they are if they lie below the smallest normal half. */
    private static void widenBits(int[] bits, int[] small, int count) {
        for (int i = 0; i < count; i++) {
            int magnitude = bits[i] & MAGNITUDE;
            int isNotFinite = (INFINITY - 1 - magnitude) >> 31;
            int normal = (magnitude << DROPPED_BITS) + BIAS_DIFFERENCE + (BIAS_DIFFERENCE & isNotFinite);
            int isSmall = (magnitude - SMALLEST_NORMAL) >> 31;
            int number = normal ^ ((normal ^ small[i]) & isSmall);
            bits[i] = number | ((bits[i] & SIGN) << DROPPED_SIGN_BITS);
        }
    }

    private void toBits(float[] source, int[] target, int count) {
        asFloats.put(0, source, 0, count);
        asBits.get(0, target, 0, count);
    }

    private void toFloats(int[] source, float[] target, int count) {
        asBits.put(0, source, 0, count);
        asFloats.get(0, target, 0, count);
    }
}
