package dev.hivemind.dht.rpc;

import dev.hivemind.dht.routing.NodeId;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * How much each caller may ask in the long run: a bucket of tokens for each, refilled with time. Callers that were
 * silent for long are forgotten, and begin with a full bucket again. Thread-safe.
 */
final class CallRates {

    private static final int MAX_CALLERS = 4_096;

    private final double tokensPerNano;
    private final int burst;
    private final LongSupplier nanoTime;
    private final Map<NodeId, Bucket> buckets = new LinkedHashMap<>(64, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<NodeId, Bucket> eldest) {
            return size() > MAX_CALLERS;
        }
    };

    /**
     * @param perSecond tokens that a caller is given each second
     * @param burst the most that it can save up
     * @param nanoTime tells how time passes
     */
    CallRates(int perSecond, int burst, LongSupplier nanoTime) {
        this.tokensPerNano = perSecond / 1e9;
        this.burst = burst;
        this.nanoTime = nanoTime;
    }

    /** Takes tokens of a caller; zero if it had enough, else how long it has to wait, and nothing is taken. */
    synchronized Duration take(NodeId caller, int tokens) {
        long now = nanoTime.getAsLong();
        Bucket bucket = buckets.computeIfAbsent(caller, any -> new Bucket(burst, now));
        bucket.tokens = Math.min(burst, bucket.tokens + Math.max(0, now - bucket.filledAt) * tokensPerNano);
        bucket.filledAt = now;
        double missing = Math.min(tokens, burst) - bucket.tokens;
        if (missing > 0) {
            return Duration.ofNanos((long) Math.ceil(missing / tokensPerNano));
        }
        bucket.tokens -= tokens;
        return Duration.ZERO;
    }

    private static final class Bucket {

        private double tokens;
        private long filledAt;

        Bucket(double tokens, long filledAt) {
            this.tokens = tokens;
            this.filledAt = filledAt;
        }
    }
}
