package dev.hivemind.moe.training;

import java.util.List;

/**
 * Rows to learn from at once.
 *
 * @param index of the batch in its source, counted from 0 and through all epochs; where a reader is told to go on when
 *     training is resumed
 * @param epoch in which the batch begins, counted from 0
 * @param inputs of the model's first segment, rows first; at least one
 * @param targets what the loss compares outputs with; may be none
 */
public record Batch(long index, int epoch, List<HostTensor> inputs, List<HostTensor> targets) {

    /** @throws IllegalArgumentException if there is no input or no row, or the index is negative */
    public Batch {
        inputs = List.copyOf(inputs);
        targets = List.copyOf(targets);
        if (index < 0 || epoch < 0) {
            throw new IllegalArgumentException(
                    "index and epoch count from 0, but they are %d and %d".formatted(index, epoch));
        }
        if (inputs.isEmpty() || inputs.get(0).rows() == 0) {
            throw new IllegalArgumentException("Batch %d has no rows".formatted(index));
        }
    }

    /** How many rows there are: the length of the first dimension of the first input. */
    public int rows() {
        return Math.toIntExact(inputs.get(0).rows());
    }
}
