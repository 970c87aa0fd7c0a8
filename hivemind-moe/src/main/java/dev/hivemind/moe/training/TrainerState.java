package dev.hivemind.moe.training;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * All that a trainer needs to go on as if it had never stopped, between two steps; experts keep their own. In the memory of
 * the JVM, independent of the pipeline it was taken from.
 *
 * <p>The learning rate follows from the step, and the randomness of local layers from the seed and the index of a batch, so
 * that neither has a state of its own.
 *
 * @param step how many steps were made, which is also the position in the schedule
 * @param nextBatch index of the first batch that is no part of the weights: where a reader goes on
 * @param seed of the randomness of local layers
 * @param parameters local weights, trained or not, by {@code segment.parameter}, in the order of the model
 * @param optimizer state of the local optimizer by {@code segment.parameter/kind}
 */
public record TrainerState(
        int step, long nextBatch, long seed, Map<String, HostTensor> parameters, Map<String, HostTensor> optimizer) {

    /** @throws IllegalArgumentException if a number is negative */
    public TrainerState {
        parameters = Collections.unmodifiableMap(new LinkedHashMap<>(parameters));
        optimizer = Collections.unmodifiableMap(new LinkedHashMap<>(optimizer));
        if (step < 0 || nextBatch < 0) {
            throw new IllegalArgumentException(
                    "step and nextBatch count from 0, but they are %d and %d".formatted(step, nextBatch));
        }
    }
}
