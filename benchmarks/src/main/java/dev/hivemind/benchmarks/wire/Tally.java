package dev.hivemind.benchmarks.wire;

/**
 * What a contender did in its turn.
 *
 * @param calls how many messages arrived
 * @param nanos from the start to the last arrival
 * @param latencies of calls, ascending, in nanoseconds; empty for streams
 */
record Tally(long calls, long nanos, long[] latencies) {

    private static final double NANOS_PER_MICRO = 1_000;

    /** A tally without latencies. */
    static Tally of(long calls, long nanos) {
        return new Tally(calls, nanos, new long[0]);
    }

    /** The rate of messages of so many bytes, in 10^6 bytes per second. */
    double megabytesPerSecond(int bytes) {
        return (double) calls * bytes / nanos * 1_000;
    }

    /** The latency that a fraction of the calls did not exceed. */
    double latencyMicros(double fraction) {
        int rank = (int) Math.ceil(fraction * latencies.length);
        return latencies[Math.max(0, rank - 1)] / NANOS_PER_MICRO;
    }
}
