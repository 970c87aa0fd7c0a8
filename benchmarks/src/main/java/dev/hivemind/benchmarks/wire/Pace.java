package dev.hivemind.benchmarks.wire;

import java.util.concurrent.TimeUnit;

/** When the bytes that enter a link leave it, at a fixed rate. For one thread. */
final class Pace {

    private static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** A thread that woke late makes up for it, up to this. */
    private static final long SLACK_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private final long bytesPerSecond;
    private long freeAtNanos;

    Pace(long bytesPerSecond, long nowNanos) {
        this.bytesPerSecond = bytesPerSecond;
        this.freeAtNanos = nowNanos;
    }

    /** When that many bytes, which enter now, have left. */
    long leaveAt(int bytes, long nowNanos) {
        freeAtNanos =
                Math.max(freeAtNanos, nowNanos - SLACK_NANOS) + (long) ((double) bytes * SECOND_NANOS / bytesPerSecond);
        return freeAtNanos;
    }
}
