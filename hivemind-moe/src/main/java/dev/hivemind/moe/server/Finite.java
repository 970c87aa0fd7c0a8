package dev.hivemind.moe.server;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.hivemind.rsocket.error.ExpertFailedException;
import java.util.List;

/**
 * Guards parameters against numbers that would spoil them for everybody.
 *
 * <p>One sum of squares for each array: it is not finite if any element is not. It also overflows when elements are so
 * large that an optimizer's second moment would.
 */
final class Finite {

    private Finite() {}

    /** @throws ExpertFailedException if an array holds a number that is not finite */
    static void require(List<NDArray> arrays, String what) {
        arrays.forEach(array -> require(array, what));
    }

    /** @throws ExpertFailedException if the array holds a number that is not finite */
    static void require(NDArray array, String what) {
        if (array.getDataType().isFloating() && !Double.isFinite(sumOfSquares(array))) {
            throw new ExpertFailedException(what + " holds a number that is not finite, or too large");
        }
    }

    private static double sumOfSquares(NDArray array) {
        return switch (array.getDataType()) {
            case FLOAT64 -> {
                try (NDArray squares = array.square();
                        NDArray sum = squares.sum()) {
                    yield sum.toDoubleArray()[0];
                }
            }
            case FLOAT32 -> {
                try (NDArray squares = array.square();
                        NDArray sum = squares.sum()) {
                    yield sum.toFloatArray()[0];
                }
            }
            default -> {
                // Sums of half precision overflow early.
                try (NDArray single = array.toType(DataType.FLOAT32, true)) {
                    yield sumOfSquares(single);
                }
            }
        };
    }
}
