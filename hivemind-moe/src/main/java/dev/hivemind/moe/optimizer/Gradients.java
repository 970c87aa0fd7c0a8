package dev.hivemind.moe.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.Collection;

/** What is done with the gradients of all parameters together. Outside any graph, on the thread of the parameters. */
public final class Gradients {

    /** PyTorch's, against division by zero. */
    private static final double EPSILON = 1e-6;

    private Gradients() {}

    /**
     * The Euclidean norm over all elements of the gradients of these parameters. Not finite if an element is not, or if
     * the square of one overflows, as it then would in an optimizer's second moment.
     */
    public static double globalNorm(Collection<NDArray> parameters) {
        return Math.sqrt(parameters.stream()
                .mapToDouble(Gradients::norm)
                .map(norm -> norm * norm)
                .sum());
    }

    private static double norm(NDArray parameter) {
        try (NDArray gradient = parameter.getGradient();
                NDArray norm = gradient.norm();
                NDArray precise = norm.toType(DataType.FLOAT64, true)) {
            return precise.toDoubleArray()[0];
        }
    }

    /**
     * Scales the gradients in place so that their norm is at most {@code maxNorm}, as PyTorch does.
     *
     * @param norm what {@link #globalNorm} says it is now
     */
    public static void clip(Collection<NDArray> parameters, double norm, double maxNorm) {
        double factor = maxNorm / (norm + EPSILON);
        if (factor < 1) {
            scale(parameters, factor);
        }
    }

    /** Multiplies the gradients in place. */
    public static void scale(Collection<NDArray> parameters, double factor) {
        parameters.forEach(parameter -> scale(parameter, factor));
    }

    private static void scale(NDArray parameter, double factor) {
        try (NDArray gradient = parameter.getGradient()) {
            gradient.muli(factor);
        }
    }
}
