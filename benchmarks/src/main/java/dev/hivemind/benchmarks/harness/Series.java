package dev.hivemind.benchmarks.harness;

import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** What the repetitions of one case gave, in their order. Immutable. */
public final class Series {

    private final double[] values;

    private Series(double[] values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("A series needs a value");
        }
        this.values = values;
    }

    /** A series of these values, at least one. */
    public static Series of(double... values) {
        return new Series(values.clone());
    }

    /** One aspect of each repetition. */
    public static <T> Series of(List<T> repetitions, ToDoubleFunction<? super T> aspect) {
        return new Series(repetitions.stream().mapToDouble(aspect).toArray());
    }

    /** The middle one, or the mean of the two in the middle. */
    public double median() {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** The least. */
    public double min() {
        return Arrays.stream(values).min().orElseThrow();
    }

    /** The most. */
    public double max() {
        return Arrays.stream(values).max().orElseThrow();
    }

    /** Each value divided by the one of the same turn, so that what slowed a turn down slowed both. */
    public Series over(Series other) {
        if (other.values.length != values.length) {
            throw new IllegalArgumentException("Series of different lengths have no common turns");
        }
        return new Series(IntStream.range(0, values.length)
                .mapToDouble(i -> values[i] / other.values[i])
                .toArray());
    }
}
