package dev.hivemind.rsocket.compression;

/** Half precision by the definition: sign, five bits of exponent with bias 15, ten bits of significand. */
final class HalfReference {

    private static final int INFINITY = 0x7c00;

    private HalfReference() {}

    static float widen(short half) {
        int exponent = (half >> 10) & 0x1f;
        int significand = half & 0x3ff;
        double magnitude;
        if (exponent == 0x1f) {
            magnitude = significand == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
        } else if (exponent == 0) {
            magnitude = significand * Math.pow(2, -24);
        } else {
            magnitude = (1024 + significand) * Math.pow(2, exponent - 25);
        }
        return (float) (half < 0 ? -magnitude : magnitude);
    }

    /** Searches the nearest half; of two that are equally near, the even one. */
    static short narrow(double value) {
        if (Double.isNaN(value)) {
            return 0x7e00;
        }
        double magnitude = Math.abs(value);
        int low = 0;
        int high = INFINITY;
        while (high - low > 1) {
            int middle = (low + high) / 2;
            if (valueOf(middle) <= magnitude) {
                low = middle;
            } else {
                high = middle;
            }
        }
        double toLow = magnitude - valueOf(low);
        double toHigh = valueOf(high) - magnitude;
        int half = toLow < toHigh || (toLow == toHigh && low % 2 == 0) ? low : high;
        return (short) (Double.compare(value, 0) < 0 ? half | 0x8000 : half);
    }

    /** Infinity rounds as if it were the number after the largest. */
    private static double valueOf(int half) {
        return half == INFINITY ? 65_536 : widen((short) half);
    }
}
