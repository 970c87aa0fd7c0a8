package dev.hivemind.moe.optimizer;

import ai.djl.ndarray.NDArray;
import java.util.Map;

/**
 * Changes the parameters of one expert along their gradients. Used on the expert's device thread alone.
 *
 * <p>Ownership: the optimizer owns its state and frees it when closed; parameters are borrowed.
 */
public sealed interface ExpertOptimizer extends AutoCloseable permits SgdOptimizer, AdamOptimizer, FrozenOptimizer {

    /** Applies the gradients that the parameters hold now, and leaves them as they are. */
    void step();

    /** How many steps were made. */
    int steps();

    /**
     * The state by {@code parameter/kind}, for example {@code 01expand_weight/mean}. The arrays are the optimizer's own.
     */
    Map<String, NDArray> state();

    /** Frees the state. Idempotent. */
    @Override
    void close();
}
