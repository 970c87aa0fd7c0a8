package dev.hivemind.rsocket.transport;

import java.util.concurrent.TimeUnit;

/** How many KEEPALIVE frames a peer may send: 100 at once, and as many in each second. A token bucket. */
final class KeepaliveBudget {

    static final int PER_SECOND = 100;

    private static final long COST_NANOS = TimeUnit.SECONDS.toNanos(1) / PER_SECOND;
    private static final long FULL_NANOS = TimeUnit.SECONDS.toNanos(1);

    private long filledAtNanos;
    private long savedNanos = FULL_NANOS;

    KeepaliveBudget(long nowNanos) {
        this.filledAtNanos = nowNanos;
    }

    /** Whether one more may come now. */
    boolean take(long nowNanos) {
        savedNanos = Math.min(FULL_NANOS, savedNanos + nowNanos - filledAtNanos);
        filledAtNanos = nowNanos;
        if (savedNanos < COST_NANOS) {
            return false;
        }
        savedNanos -= COST_NANOS;
        return true;
    }
}
