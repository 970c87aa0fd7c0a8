package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.error.RpcException;

/** A task that is never computed, and why. It has left its pool. */
record Refusal(PoolQueue pool, Task task, RpcException reason) {

    /** Ends the task. Not under the lock of {@link WaitingTasks}. */
    void deliver() {
        task.fail(reason);
        if (pool.listener().isListening()) {
            pool.listener().refused(reason);
        }
    }
}
