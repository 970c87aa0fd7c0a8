package dev.hivemind.moe.server.batching;

/**
 * How long batches of one pool take: a fixed part and a part for every row, fitted to what was observed, the latest
 * counting most. Guarded by the lock of {@link WaitingTasks}.
 */
final class ComputeTime {

    /** How much of its weight an observation keeps when the next one comes. */
    private static final double MEMORY = 0.8;

    /** Below this spread of batch sizes, relative to their mean, there is no telling the two parts apart. */
    private static final double MIN_SPREAD = 1e-3;

    /** Batches larger than the largest observed, by more than this factor, are thought to take no longer. */
    private static final int MAX_EXTRAPOLATION = 2;

    private int largest;
    private double weight;
    private double rowSum;
    private double nanoSum;
    private double rowSquareSum;
    private double rowNanoSum;

    void record(int rows, long nanos) {
        largest = Math.max(largest, rows);
        weight = MEMORY * weight + 1;
        rowSum = MEMORY * rowSum + rows;
        nanoSum = MEMORY * nanoSum + nanos;
        rowSquareSum = MEMORY * rowSquareSum + (double) rows * rows;
        rowNanoSum = MEMORY * rowNanoSum + (double) rows * nanos;
    }

    boolean isKnown() {
        return weight > 0;
    }

    /** For a batch of so many rows; 0 while nothing is known, and too little rather than too much when little is. */
    long ofBatch(int rows) {
        if (!isKnown()) {
            return 0;
        }
        double known = Math.min(rows, (double) MAX_EXTRAPOLATION * largest);
        return Math.max(0, Math.round(nanoSum / weight + nanosPerRow() * (known - rowSum / weight)));
    }

    private double nanosPerRow() {
        if (!isKnown()) {
            return 0;
        }
        double meanRows = rowSum / weight;
        double variance = rowSquareSum / weight - meanRows * meanRows;
        if (variance <= MIN_SPREAD * meanRows * meanRows) {
            return 0;
        }
        double slope = (rowNanoSum / weight - meanRows * nanoSum / weight) / variance;
        return Math.min(Math.max(0, slope), nanoSum / rowSum);
    }
}
