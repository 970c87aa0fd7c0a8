package dev.hivemind.benchmarks.throughput;

import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/**
 * What happened between two moments.
 *
 * @param rounds of every caller, those before and behind the window too
 */
record Window(long from, long to, List<List<Round>> rounds) {

    private static final double MEDIAN = 0.5;
    private static final double TAIL = 0.99;
    private static final double NANOS_PER_MILLI = 1e6;

    Figures figures(Preset preset) {
        int calls = rounds.stream().mapToInt(List::size).sum() * (preset.training() ? 2 : 1);
        return new Figures()
                .put("samplesPerSecond", roundsPerSecond() * preset.rows())
                .put("calls", calls)
                .put("p50", percentile(Round::forwardNanos, MEDIAN))
                .put("p99", percentile(Round::forwardNanos, TAIL))
                .put("backwardP50", percentile(Round::backwardNanos, MEDIAN))
                .put("backwardP99", percentile(Round::backwardNanos, TAIL));
    }

    /** A round that began before the window, or ended behind it, counts by its part. */
    double roundsPerSecond() {
        double count = rounds.stream()
                .flatMap(List::stream)
                .mapToDouble(round -> round.within(from, to))
                .sum();
        return count * 1e9 / (to - from);
    }

    /** Milliseconds that a fraction of the calls that ended in the window did not exceed. */
    double percentile(ToLongFunction<Round> nanos, double fraction) {
        Predicate<Round> inside = round -> round.end() - from > 0 && round.end() - to <= 0;
        long[] sorted = rounds.stream()
                .flatMap(List::stream)
                .filter(inside)
                .mapToLong(nanos)
                .sorted()
                .toArray();
        int rank = (int) Math.ceil(fraction * sorted.length);
        return sorted.length == 0 ? Double.NaN : sorted[Math.max(0, rank - 1)] / NANOS_PER_MILLI;
    }
}
