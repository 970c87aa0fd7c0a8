package dev.hivemind.moe.server.batching;

/**
 * The bounds of a pool.
 *
 * @param maxBatchSize the most rows of one batch, and so of one call
 * @param maxQueuedRows the most rows that wait; at least a batch
 */
public record BatchLimits(int maxBatchSize, int maxQueuedRows) {

    /** hivemind's default. */
    public static final int DEFAULT_MAX_BATCH_SIZE = 4_096;

    private static final int QUEUED_BATCHES = 4;

    public BatchLimits {
        if (maxBatchSize < 1) {
            throw new IllegalArgumentException("maxBatchSize is at least 1, not " + maxBatchSize);
        }
        if (maxQueuedRows < maxBatchSize) {
            throw new IllegalArgumentException("maxQueuedRows is at least maxBatchSize, that is %d, not %d"
                    .formatted(maxBatchSize, maxQueuedRows));
        }
    }

    /** Batches of this size, of which four may wait. */
    public static BatchLimits ofBatchSize(int maxBatchSize) {
        return new BatchLimits(maxBatchSize, (int) Math.min(Integer.MAX_VALUE, (long) QUEUED_BATCHES * maxBatchSize));
    }

    void requireFits(int rows) {
        if (rows < 1 || rows > maxBatchSize) {
            throw new IllegalArgumentException("A call has 1 to %d rows, not %d".formatted(maxBatchSize, rows));
        }
    }
}
