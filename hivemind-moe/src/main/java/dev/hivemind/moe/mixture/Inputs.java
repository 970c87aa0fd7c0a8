package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;

/** What is required of a batch, so that no expert is called in vain, or blamed for what the caller gave. */
final class Inputs {

    private Inputs() {}

    /** @throws IllegalArgumentException if inputs are not of the same rows, or gradients of them could not be added up */
    static void requireSound(NDList inputs) {
        long rows = inputs.head().getShape().get(0);
        for (int i = 0; i < inputs.size(); i++) {
            NDArray input = inputs.get(i);
            Shape shape = input.getShape();
            if (shape.dimension() == 0 || shape.get(0) != rows) {
                throw new IllegalArgumentException(
                        "Input %d is of shape %s, but the first has %d rows: give all as many"
                                .formatted(i, shape, rows));
            }
            if (input.getDataType().isFloating() && input.getDataType() != DataType.FLOAT32) {
                throw new IllegalArgumentException("Input %d is %s: floating point inputs of a mixture are float32"
                        .formatted(i, input.getDataType()));
            }
        }
    }
}
