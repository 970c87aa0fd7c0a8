package dev.hivemind.dashboard.history;

import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** Percentiles of durations, exact to a hundredth of their size. */
final class Durations {

    private static final long LONGEST_MICROS = 3_600_000_000L;
    private static final int DIGITS = 2;
    private static final double MICROS_PER_MILLI = 1e3;

    private final Histogram micros = new Histogram(LONGEST_MICROS, DIGITS);

    /** Adds a duration; what strangers claim to have taken longer than an hour counts as an hour. */
    void add(long value) {
        micros.recordValue(Math.max(0, Math.min(value, LONGEST_MICROS)));
    }

    /** The duration in milliseconds that so many percent do not exceed; null without any. */
    @Nullable Double percentileMillis(double percent) {
        return micros.getTotalCount() == 0
                ? null
                : Figures.told(micros.getValueAtPercentile(percent) / MICROS_PER_MILLI);
    }

    void clear() {
        micros.reset();
    }
}
