package dev.hivemind.moe.server.batching;

import ai.djl.ndarray.NDList;

/** What a device does with a batch. */
@FunctionalInterface
public interface BatchFunction {

    /**
     * Computes a batch and changes nothing yet: what changes is left to {@link Computation#commit()}.
     *
     * <p>Thread: a device thread, with grad mode off; never two at a time for the pools of one group. A batch that fails
     * is computed again without the tasks at fault. An {@link dev.hivemind.rsocket.error.RpcException} reaches the
     * caller of the task at fault as it is, anything else as a bare failure.
     *
     * @param tensors of all tasks, joined in dimension 0
     * @return arrays with as many rows, in the manager of the first tensor
     * @throws PoisonousRowsException if some rows cannot be computed, and the others might without them
     */
    Computation compute(NDList tensors);
}
