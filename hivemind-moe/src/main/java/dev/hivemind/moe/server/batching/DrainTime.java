package dev.hivemind.moe.server.batching;

import java.time.Duration;

/** Estimates how long a queue takes to drain, from how long batches took lately. Safe for use from any thread. */
final class DrainTime {

    private static final Duration MIN = Duration.ofMillis(10);
    private static final Duration MAX = Duration.ofSeconds(30);

    /** The newest batch counts for one part in so many. */
    private static final int SMOOTHING = 5;

    private volatile Duration batchTime = Duration.ofMillis(100);

    /** Called on the device thread alone. */
    void record(Duration batch) {
        Duration change = batch.minus(batchTime).dividedBy(SMOOTHING);
        batchTime = batchTime.plus(change);
    }

    Duration of(int queuedRows, int maxBatchSize) {
        int batches = 1 + queuedRows / maxBatchSize;
        Duration estimate = batchTime.multipliedBy(batches);
        if (estimate.compareTo(MIN) < 0) {
            return MIN;
        }
        return estimate.compareTo(MAX) > 0 ? MAX : estimate;
    }
}
