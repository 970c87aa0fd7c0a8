package dev.hivemind.moe.server;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.hivemind.moe.server.batching.PoisonousRowsException;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.BitSet;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Guards parameters against numbers that would spoil them for everybody, and tells whose they are.
 *
 * <p>One pass over an array shows that all is well: its sum, or its norm, is not finite if any element is not. Only when
 * it is not, the rows are looked at one by one.
 */
final class Finite {

    /** What is wrong with an array, behind the name of the array. */
    static final String COMPLAINT = "holds a number that is not finite, or too large";

    private Finite() {}

    /**
     * For what callers gave.
     *
     * @throws PoisonousRowsException if rows of an array hold a number that is not finite
     */
    static void requireGiven(List<NDArray> arrays, String what) {
        arrays.forEach(array -> require(array, what, Look.AT_ELEMENTS, true));
    }

    /**
     * For what was computed out of it.
     *
     * @throws PoisonousRowsException if rows of an array hold a number that is not finite
     */
    static void requireComputed(List<NDArray> arrays, String what) {
        arrays.forEach(array -> require(array, what, Look.AT_ELEMENTS, false));
    }

    /**
     * For gradients that callers gave. Their squares must not overflow either, as they would in an optimizer's second
     * moment.
     *
     * @throws PoisonousRowsException if rows of an array hold such a number
     */
    static void requireModest(List<NDArray> arrays, String what) {
        arrays.forEach(array -> require(array, what, Look.AT_SQUARES, true));
    }

    /**
     * How to see whether numbers are finite.
     *
     * @param whole to one number, not finite if an element is not
     * @param byRow to one number for each row, not finite if and only if one of its elements is not
     */
    private record Look(UnaryOperator<NDArray> whole, UnaryOperator<NDArray> byRow) {

        // Zero times a number is zero if and only if that is finite. A sum alone may overflow.
        static final Look AT_ELEMENTS = new Look(NDArray::sum, Finite::zeros);
        static final Look AT_SQUARES = new Look(Finite::norm, Finite::norms);
    }

    private static NDArray zeros(NDArray rows) {
        try (NDArray zeros = rows.mul(0)) {
            return zeros.sum(new int[] {1});
        }
    }

    private static NDArray norm(NDArray array) {
        return ofAtLeastSingle(array, NDArray::norm);
    }

    private static NDArray norms(NDArray rows) {
        return ofAtLeastSingle(rows, precise -> precise.norm(2, new int[] {1}, false));
    }

    /** Squares of half precision overflow early. */
    private static NDArray ofAtLeastSingle(NDArray array, UnaryOperator<NDArray> norm) {
        if (array.getDataType() != DataType.FLOAT16) {
            return norm.apply(array);
        }
        try (NDArray single = array.toType(DataType.FLOAT32, true)) {
            return norm.apply(single);
        }
    }

    private static void require(NDArray array, String what, Look look, boolean certain) {
        if (!array.getDataType().isFloating() || isFinite(look.whole().apply(array))) {
            return;
        }
        try (NDArray rows = array.reshape(array.getShape().get(0), -1)) {
            BitSet poisonous = notFinite(look.byRow().apply(rows));
            if (!poisonous.isEmpty()) {
                throw new PoisonousRowsException(what + " " + COMPLAINT, poisonous, certain);
            }
        }
    }

    /** Closes the array. */
    private static boolean isFinite(NDArray scalar) {
        try (scalar) {
            return Double.isFinite(TensorOps.number(scalar));
        }
    }

    /** Which elements are not finite. Closes the array. */
    private static BitSet notFinite(NDArray array) {
        try (array) {
            return array.getDataType() == DataType.FLOAT32
                    ? notFinite(array.toFloatArray())
                    : notFiniteOtherwise(array);
        }
    }

    private static BitSet notFinite(float[] values) {
        var found = new BitSet(values.length);
        for (int i = 0; i < values.length; i++) {
            found.set(i, !Float.isFinite(values[i]));
        }
        return found;
    }

    private static BitSet notFiniteOtherwise(NDArray array) {
        try (NDArray precise = array.toType(DataType.FLOAT64, true)) {
            double[] values = precise.toDoubleArray();
            var found = new BitSet(values.length);
            for (int i = 0; i < values.length; i++) {
                found.set(i, !Double.isFinite(values[i]));
            }
            return found;
        }
    }
}
