package dev.hivemind.moe.training;

import java.util.OptionalDouble;

/**
 * How well a model does on rows that it does not learn from.
 *
 * @param rows that were looked at
 * @param loss average over the rows; NaN if there are none
 * @param accuracy average of the metric over the rows; empty without a metric or without rows
 */
public record Evaluation(long rows, double loss, OptionalDouble accuracy) {}
