package dev.hivemind.moe.expert;

import static java.util.Objects.requireNonNull;

import ai.djl.nn.Block;
import java.util.List;

/**
 * An expert's computation and interface.
 *
 * @param block not yet initialized, with initializers of its own; used by one backend only
 * @param inputs in the order in which the block takes them
 * @param outputs in the order in which the block returns them
 */
public record ExpertDefinition(Block block, List<TensorSpec> inputs, List<TensorSpec> outputs) {

    public ExpertDefinition {
        requireNonNull(block, "block");
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
    }
}
