package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a task ends.
 *
 * @param tensors owned by the result until it is delivered; empty after a failure
 * @param error null after a success
 */
record Result(
        Task task, List<TensorFrame> tensors, @Nullable RpcException error) {

    static Result success(Task task, List<TensorFrame> tensors) {
        return new Result(task, tensors, null);
    }

    static Result failure(Task task, RpcException error) {
        return new Result(task, List.of(), error);
    }

    /** Ends the task. */
    void deliver() {
        if (error == null) {
            task.succeed(tensors);
        } else {
            task.fail(error);
        }
    }
}
