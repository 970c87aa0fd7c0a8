package dev.hivemind.rsocket.compression;

/**
 * Half precision by arithmetic on bits, for JVMs before 20.
 *
 * <p>A half has 5 bits of exponent and 10 of significand, a float 8 and 23. Where the exponent fits, a half is a float
 * without the last 13 bits and with another exponent bias. Small halves are multiples of 2⁻²⁴: adding 0.5, whose last bit
 * is worth just that, makes the processor round to them.
 */
final class PortableHalf implements HalfPrecision {

    private static final int SIGN = 0x8000;
    private static final int MAGNITUDE = 0x7fff;
    private static final int INFINITY = 0x7c00;
    private static final int QUIET_NAN = 0x7e00;
    private static final int SMALLEST_NORMAL = 0x0400;

    private static final int FLOAT_MAGNITUDE = 0x7fffffff;
    private static final int FLOAT_INFINITY = 0x7f800000;

    private static final int DROPPED_BITS = 13;
    private static final int BIAS_DIFFERENCE = (127 - 15) << 23;
    private static final int ROUND_UP_BELOW_HALF = (1 << (DROPPED_BITS - 1)) - 1;

    /** 65,520: the least float that rounds to infinity. */
    private static final int FLOAT_OVERFLOW = 0x477ff000;

    /** 2⁻¹⁴: the least float whose half has a full significand. */
    private static final int FLOAT_SMALLEST_NORMAL = 0x38800000;

    private static final float ROUNDER = 0.5f;
    private static final int ROUNDER_BITS = 0x3f000000;

    private static final float FLOAT_SMALLEST = 0x1p-14f;

    @Override
    public void narrow(float[] source, short[] target, int count) {
        for (int i = 0; i < count; i++) {
            target[i] = narrow(source[i]);
        }
    }

    @Override
    public void widen(short[] source, float[] target, int count) {
        for (int i = 0; i < count; i++) {
            target[i] = widen(source[i]);
        }
    }

    static short narrow(float value) {
        int bits = Float.floatToRawIntBits(value);
        int magnitude = bits & FLOAT_MAGNITUDE;
        int sign = (bits >>> 16) & SIGN;
        if (magnitude >= FLOAT_OVERFLOW) {
            return (short) (sign | (magnitude > FLOAT_INFINITY ? QUIET_NAN : INFINITY));
        }
        int odd = (magnitude >>> DROPPED_BITS) & 1;
        int normal = (magnitude - BIAS_DIFFERENCE + ROUND_UP_BELOW_HALF + odd) >>> DROPPED_BITS;
        int small = Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) + ROUNDER) - ROUNDER_BITS;
        return (short) (sign | select(magnitude, FLOAT_SMALLEST_NORMAL, small, normal));
    }

    static float widen(short half) {
        int magnitude = half & MAGNITUDE;
        int sign = (half & SIGN) << 16;
        if (magnitude >= INFINITY) {
            return Float.intBitsToFloat(sign | FLOAT_INFINITY | (magnitude << DROPPED_BITS));
        }
        int normal = (magnitude << DROPPED_BITS) + BIAS_DIFFERENCE;
        int small = Float.floatToRawIntBits(
                Float.intBitsToFloat((magnitude << DROPPED_BITS) + FLOAT_SMALLEST_NORMAL) - FLOAT_SMALLEST);
        return Float.intBitsToFloat(sign | select(magnitude, SMALLEST_NORMAL, small, normal));
    }

    /** One of two numbers without a branch: gradients lie on both sides of the bound, and the processor cannot guess. */
    private static int select(int magnitude, int bound, int below, int otherwise) {
        int mask = (magnitude - bound) >> 31;
        return otherwise ^ ((otherwise ^ below) & mask);
    }
}
