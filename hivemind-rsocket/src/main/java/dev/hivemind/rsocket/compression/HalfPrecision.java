package dev.hivemind.rsocket.compression;

/**
 * float32 to IEEE half precision and back, in bulk. Rounds to nearest, ties to even; numbers from 65,520 on become
 * infinite, and NaN stays NaN.
 */
interface HalfPrecision {

    /** Converts the first {@code count} numbers. */
    void narrow(float[] source, short[] target, int count);

    /** Converts the first {@code count} numbers. */
    void widen(short[] source, float[] target, int count);

    /** The fastest that this JVM has, for up to {@code most} numbers at a time. For one thread. */
    static HalfPrecision fastest(int most) {
        return IntrinsicHalf.find().map(HalfPrecision.class::cast).orElseGet(() -> new PortableHalf(most));
    }
}
