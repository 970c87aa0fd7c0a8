package dev.hivemind.moe.optimizer;

import ai.djl.ndarray.NDArray;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Changes the parameters of one expert along their gradients. Used on the expert's device thread alone.
 *
 * <p>Ownership: the optimizer owns its state and frees it when closed; parameters are borrowed.
 */
public sealed interface ExpertOptimizer extends AutoCloseable permits SgdOptimizer, AdamOptimizer, FrozenOptimizer {

    /** Applies the gradients that the parameters hold now at the full learning rate, and leaves them as they are. */
    default void step() {
        step(1);
    }

    /**
     * Applies the gradients at a part of the learning rate, as a schedule says.
     *
     * @param learningRateFactor by which the learning rate is multiplied for this step, at least 0; a step at 0 counts, and moves no
     *     parameter, but the moments of Adam
     */
    default void step(double learningRateFactor) {
        step(learningRateFactor, NDArray::getGradient);
    }

    /**
     * Applies gradients that are held elsewhere than at the parameters.
     *
     * @param learningRateFactor as of {@link #step(double)}
     * @param gradients from each parameter to its gradient, as a handle that the optimizer closes
     */
    void step(double learningRateFactor, UnaryOperator<NDArray> gradients);

    /** How many steps were made. */
    int steps();

    /**
     * Goes on as if so many steps had been made, with a {@link #state()} that the caller fills in.
     *
     * @param steps at least 0
     */
    void continueAfter(int steps);

    /**
     * The state by {@code parameter/kind}, for example {@code 01expand_weight/mean}. The arrays are the optimizer's own.
     */
    Map<String, NDArray> state();

    /** Frees the state. Idempotent. */
    @Override
    void close();
}
