package dev.hivemind.benchmarks.throughput;

/**
 * One repetition.
 *
 * @param load what the clients saw
 * @param used by server and clients together while they were at it; batches and their rows as well
 * @param bareSamplesPerSecond of the same operations behind it
 */
record Turn(Figures load, Figures used, double bareSamplesPerSecond) {

    double cpuMillisPerCall() {
        return used.get("cpuMillis") / load.get("calls");
    }

    /** Of both directions. */
    double meanBatchRows() {
        return (used.get("forwardRows") + used.get("backwardRows"))
                / (used.get("forwardBatches") + used.get("backwardBatches"));
    }
}
