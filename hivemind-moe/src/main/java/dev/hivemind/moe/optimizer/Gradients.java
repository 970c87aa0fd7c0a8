package dev.hivemind.moe.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.hivemind.moe.tensor.TensorOps;
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
        try (NDList gradients = of(parameters)) {
            return normOf(gradients);
        }
    }

    /** {@link #globalNorm} of the parameters that have these gradients. */
    public static double normOf(Collection<NDArray> gradients) {
        double squares = 0;
        for (NDArray gradient : gradients) {
            double norm = norm(gradient);
            squares += norm * norm;
        }
        return Math.sqrt(squares);
    }

    private static double norm(NDArray gradient) {
        try (NDArray norm = gradient.norm()) {
            return TensorOps.number(norm);
        }
    }

    /**
     * By which gradients of this norm are multiplied so that it becomes at most {@code maxNorm}, as PyTorch does; 1 if it
     * is.
     *
     * @param norm of {@link #normOf}
     */
    public static double clipFactor(double norm, double maxNorm) {
        return Math.min(1, maxNorm / (norm + EPSILON));
    }

    /**
     * A gradient times a factor. In memory of its own unless the factor is 1: several gradients can share theirs, and would
     * be multiplied several times.
     *
     * @param gradient closed unless it is what is returned
     */
    public static NDArray times(NDArray gradient, double factor) {
        if (factor == 1) {
            return gradient;
        }
        try (gradient) {
            return gradient.mul(factor);
        }
    }

    /** Multiplies the gradients of these parameters in place. */
    public static void scale(Collection<NDArray> parameters, double factor) {
        try (NDList gradients = of(parameters)) {
            gradients.forEach(gradient -> gradient.muli(factor));
        }
    }

    /** Handles on the gradients of these parameters, in their order, which the caller closes. */
    private static NDList of(Collection<NDArray> parameters) {
        var gradients = new NDList(parameters.size());
        parameters.forEach(parameter -> gradients.add(parameter.getGradient()));
        return gradients;
    }
}
