/**
 * How experts learn. {@link dev.hivemind.moe.optimizer.TrainingConfig} says how: which optimizer, by which schedule,
 * and how large gradients may be. {@link dev.hivemind.moe.optimizer.ExpertOptimizer} does it for the parameters of one expert.
 *
 * <p>Unlike DJL's own optimizers these compute PyTorch's formulas, show their state, free it, and count steps once.
 */
@NullMarked
package dev.hivemind.moe.optimizer;

import org.jspecify.annotations.NullMarked;
