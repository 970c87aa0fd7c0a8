package dev.hivemind.moe.server.batching;

import ai.djl.ndarray.NDList;

/** What a device does with a batch. */
@FunctionalInterface
public interface BatchFunction {

    /**
     * Computes a batch.
     *
     * <p>Thread: the device thread, with grad mode off. Errors: a function that throws must have changed nothing, since
     * the tasks of the batch are then tried again one by one; an {@link dev.hivemind.rsocket.error.RpcException}
     * reaches the caller of the task at fault as it is, anything else as a bare failure.
     *
     * @param tensors of all tasks, joined in dimension 0
     * @return arrays with as many rows, in the manager of the first tensor
     */
    NDList apply(NDList tensors);
}
