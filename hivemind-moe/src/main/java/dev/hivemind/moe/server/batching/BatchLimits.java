package dev.hivemind.moe.server.batching;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * The bounds of a pool.
 *
 * @param maxBatchSize the most rows of one batch, and so of one call
 * @param maxQueuedRows the most rows that wait; at least a batch. A caller alone comes to half of it
 * @param minBatchSize rows for which a free device waits, at most {@code maxBatchSize}
 * @param linger how long it waits for them, from 0 to {@link #MAX_LINGER}; a call waits so for half of the time that it
 *     has at most
 */
public record BatchLimits(int maxBatchSize, int maxQueuedRows, int minBatchSize, Duration linger) {

    /** hivemind's default. */
    public static final int DEFAULT_MAX_BATCH_SIZE = 4_096;

    /** The longest time to wait for others. */
    public static final Duration MAX_LINGER = Duration.ofMinutes(1);

    private static final int QUEUED_BATCHES = 4;

    public BatchLimits {
        requireNonNull(linger, "linger");
        require(maxBatchSize >= 1, "maxBatchSize is at least 1, not " + maxBatchSize);
        require(
                maxQueuedRows >= maxBatchSize,
                "maxQueuedRows is at least maxBatchSize, that is %d, not %d".formatted(maxBatchSize, maxQueuedRows));
        require(
                minBatchSize >= 1 && minBatchSize <= maxBatchSize,
                "minBatchSize lies between 1 and maxBatchSize, that is %d, not %d"
                        .formatted(maxBatchSize, minBatchSize));
        require(
                !linger.isNegative() && linger.compareTo(MAX_LINGER) <= 0,
                "linger lies between 0 and %s, not %s".formatted(MAX_LINGER, linger));
    }

    /** Bounds of a pool that waits for nobody. */
    public BatchLimits(int maxBatchSize, int maxQueuedRows) {
        this(maxBatchSize, maxQueuedRows, 1, Duration.ZERO);
    }

    /** Batches of this size, of which four may wait. */
    public static BatchLimits ofBatchSize(int maxBatchSize) {
        return new BatchLimits(maxBatchSize, (int) Math.min(Integer.MAX_VALUE, (long) QUEUED_BATCHES * maxBatchSize));
    }

    /** The same, but with another bound for the rows that wait. */
    public BatchLimits withMaxQueuedRows(int rows) {
        return new BatchLimits(maxBatchSize, rows, minBatchSize, linger);
    }

    /** The same, but for small batches a free device waits a while. */
    public BatchLimits withMinBatchSize(int rows, Duration wait) {
        return new BatchLimits(maxBatchSize, maxQueuedRows, rows, wait);
    }

    boolean fits(int rows) {
        return rows >= 1 && rows <= maxBatchSize;
    }

    String complaint(int rows) {
        return "A call has 1 to %d rows, not %d".formatted(maxBatchSize, rows);
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
