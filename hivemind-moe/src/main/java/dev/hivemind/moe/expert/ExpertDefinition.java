package dev.hivemind.moe.expert;

import static java.util.Objects.requireNonNull;

import ai.djl.nn.Block;
import java.time.Duration;
import java.util.List;

/**
 * An expert's computation and interface.
 *
 * @param block not yet initialized, with initializers of its own; used by one backend only
 * @param inputs in the order in which the block takes them
 * @param outputs in the order in which the block returns them
 * @param pause for which every batch keeps the expert busy beyond its computation, without keeping a thread
 */
public record ExpertDefinition(Block block, List<TensorSpec> inputs, List<TensorSpec> outputs, Duration pause) {

    public ExpertDefinition {
        requireNonNull(block, "block");
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        if (pause.isNegative()) {
            throw new IllegalArgumentException("The pause is not negative, as " + pause);
        }
    }

    /** An expert that is as fast as it can be. */
    public ExpertDefinition(Block block, List<TensorSpec> inputs, List<TensorSpec> outputs) {
        this(block, inputs, outputs, Duration.ZERO);
    }
}
