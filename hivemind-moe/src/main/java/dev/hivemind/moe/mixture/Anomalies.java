package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;

/** Numbers that are not finite, where those that are would be expected. */
final class Anomalies {

    private Anomalies() {}

    /** @throws IllegalArgumentException if there are some */
    static void requireFiniteInput(NDArray input) {
        requireFinite(
                input, "The samples contain numbers that are not finite: look at what is in front of the mixture");
    }

    /** @throws IllegalArgumentException if there are some */
    static void requireFiniteGradient(NDArray gradient) {
        requireFinite(
                gradient, "The gradients contain numbers that are not finite: look at the loss behind the mixture");
    }

    private static void requireFinite(NDArray array, String message) {
        if (!array.getDataType().isFloating()) {
            return;
        }
        try (NDArray unlikeItself = array.sub(array);
                NDArray sum = unlikeItself.abs().sum()) {
            if (sum.toFloatArray()[0] != 0) {
                throw new IllegalArgumentException(message);
            }
        }
    }
}
