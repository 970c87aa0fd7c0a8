package dev.hivemind.moe.client;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/** What a {@link RemoteMixtureOfExperts} has done. Thread-safe. */
public final class MixtureStatistics {

    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong failedCalls = new AtomicLong();
    private final AtomicLongArray rowsByExpert;
    private volatile int expertsAlive;

    MixtureStatistics(int gridSize) {
        this.rowsByExpert = new AtomicLongArray(gridSize);
    }

    /** Forward and backward calls made to experts. */
    public long calls() {
        return calls.get();
    }

    /** Those among {@link #calls()} that failed or were not answered in time. */
    public long failedCalls() {
        return failedCalls.get();
    }

    /** Rows for which each expert gave outputs. */
    public long[] rowsByExpert() {
        long[] rows = new long[rowsByExpert.length()];
        for (int expert = 0; expert < rows.length; expert++) {
            rows[expert] = rowsByExpert.get(expert);
        }
        return rows;
    }

    /** Experts that could be chosen in the latest step; 0 before the first. */
    public int expertsAlive() {
        return expertsAlive;
    }

    void alive(int experts) {
        expertsAlive = experts;
    }

    void called() {
        calls.incrementAndGet();
    }

    void failed() {
        failedCalls.incrementAndGet();
    }

    void answered(int expert, int rows) {
        rowsByExpert.addAndGet(expert, rows);
    }
}
