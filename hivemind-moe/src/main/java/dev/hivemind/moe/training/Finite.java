package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;

/** Whether numbers are finite. On the tensor thread. */
final class Finite {

    private Finite() {}

    /** Of all arrays; those that are not of floating point numbers always are. */
    static boolean all(NDList arrays) {
        return arrays.stream().filter(array -> array.getDataType().isFloating()).allMatch(Finite::all);
    }

    /** Finite numbers have a finite sum, unless they are so large that it overflows. */
    private static boolean all(NDArray array) {
        try (NDArray plain = array.stopGradient()) {
            return isFinite(plain.sum()) || hasNoneUnlikeItself(plain);
        }
    }

    private static boolean isFinite(NDArray sum) {
        try (sum) {
            return Float.isFinite(sum.toFloatArray()[0]);
        }
    }

    /** A number that is not finite is the only one that differs from itself by something else than zero. */
    private static boolean hasNoneUnlikeItself(NDArray array) {
        try (NDArray difference = array.sub(array);
                NDArray sum = difference.abs().sum()) {
            return sum.toFloatArray()[0] == 0;
        }
    }
}
