package dev.hivemind.dashboard.history;

import org.jspecify.annotations.Nullable;

/** Numbers as they are told: with four digits that count, and none where there is no number. */
final class Figures {

    private static final int DIGITS = 4;
    private static final long MAX_COUNT = 1L << 53;

    private Figures() {}

    /** The number, rounded; null if it is infinite or not a number. */
    static @Nullable Double told(double value) {
        if (!Double.isFinite(value)) {
            return null;
        }
        return rounded(value);
    }

    /** The number, rounded; 0 if it is infinite or not a number. */
    static double rounded(double value) {
        if (value == 0 || !Double.isFinite(value)) {
            return 0;
        }
        int digits = DIGITS - 1 - (int) Math.floor(Math.log10(Math.abs(value)));
        if (digits <= 0) {
            return Math.rint(value);
        }
        double scale = Math.pow(10, Math.min(digits, 300));
        double rounded = Math.rint(value * scale) / scale;
        return Double.isFinite(rounded) ? rounded : 0;
    }

    /** A count that a stranger tells: not negative, and exact in a browser. */
    static long count(long told) {
        return Math.max(0, Math.min(told, MAX_COUNT));
    }

    /** Part of a whole; 0 of nothing. */
    static double share(double part, double whole) {
        return whole > 0 ? rounded(part / whole) : 0;
    }
}
