package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;

/**
 * What training makes small. Computed on the client's tensor thread, as part of the graph: constants in it are arrays of
 * the outputs' manager.
 */
@FunctionalInterface
public interface Loss {

    /**
     * The average over the rows of a batch.
     *
     * @param outputs of the model's last segment
     * @param targets of the batch
     * @return a scalar that belongs to the outputs' manager
     */
    NDArray of(NDList outputs, NDList targets);

    /** Cross-entropy of logits {@code (rows, classes)} and labels of int64, {@code (rows)} or {@code (rows, 1)}. */
    static Loss crossEntropy() {
        return (outputs, targets) -> {
            NDArray logits = outputs.head();
            NDArray labels = targets.head().reshape(logits.getShape().get(0), 1);
            return logits.logSoftmax(1).gather(labels, 1).mean().neg();
        };
    }

    /** The mean of the squares of differences between an output and a target of the same shape. */
    static Loss meanSquaredError() {
        return (outputs, targets) -> outputs.head().sub(targets.head()).square().mean();
    }
}
