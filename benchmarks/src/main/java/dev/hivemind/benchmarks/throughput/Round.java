package dev.hivemind.benchmarks.throughput;

/**
 * A forward call, and the backward call that followed if there was one, by {@link System#nanoTime()}.
 *
 * @param forwardEnd when the forward call was answered, and the backward call began
 * @param end when the last call was answered
 */
record Round(long start, long forwardEnd, long end) {

    /** The part of the round that lies between two moments, from 0 to 1. */
    double within(long from, long to) {
        long overlap = Math.min(end, to) - Math.max(start, from);
        return end == start ? 0 : (double) Math.max(0, overlap) / (end - start);
    }

    long forwardNanos() {
        return forwardEnd - start;
    }

    long backwardNanos() {
        return end - forwardEnd;
    }
}
