package dev.hivemind.moe.training;

import java.util.OptionalDouble;

/**
 * How well a model does on rows that it does not learn from.
 *
 * @param rows that were looked at
 * @param loss average over the rows; NaN if there are none
 * @param accuracy average of the metric over the rows; empty without a metric or without rows
 */
public record Evaluation(long rows, double loss, OptionalDouble accuracy) {

    /** That of no rows. */
    static final Evaluation NONE = new Evaluation(0, Double.NaN, OptionalDouble.empty());

    /** That of both rows together. */
    Evaluation and(Evaluation other) {
        if (rows == 0) {
            return other;
        }
        return new Evaluation(
                rows + other.rows,
                average(loss, other.loss, other.rows),
                accuracy.isEmpty() || other.accuracy.isEmpty()
                        ? OptionalDouble.empty()
                        : OptionalDouble.of(average(accuracy.getAsDouble(), other.accuracy.getAsDouble(), other.rows)));
    }

    private double average(double here, double there, long otherRows) {
        return (here * rows + there * otherRows) / (rows + otherRows);
    }
}
