package dev.hivemind.dashboard.history;

import java.util.concurrent.TimeUnit;

/** The sum of what was added in the last seconds, forgotten second by second. Takes little more memory than its seconds. */
final class SlidingSum {

    private final double[] seconds;
    private long newest = Long.MIN_VALUE;

    /** Remembers so many seconds, the one under way included. */
    SlidingSum(int seconds) {
        this.seconds = new double[seconds];
    }

    /** Adds at a moment that is not before those of earlier calls. */
    void add(long nowMillis, long value) {
        moveTo(nowMillis);
        seconds[slot(newest)] += (double) value;
    }

    /** What was added lately. */
    double sum(long nowMillis) {
        moveTo(nowMillis);
        double sum = 0;
        for (double second : seconds) {
            sum += second;
        }
        return sum;
    }

    /** What was added lately, for each second of them. */
    double perSecond(long nowMillis) {
        return sum(nowMillis) / seconds.length;
    }

    private void moveTo(long nowMillis) {
        long second = TimeUnit.MILLISECONDS.toSeconds(nowMillis);
        if (newest == Long.MIN_VALUE) {
            newest = second;
        }
        long steps = Math.min(second - newest, seconds.length);
        for (long step = 0; step < steps; step++) {
            seconds[slot(second - step)] = 0;
        }
        newest = Math.max(newest, second);
    }

    private int slot(long second) {
        return Math.floorMod(second, seconds.length);
    }
}
