package dev.hivemind.moe.server.batching;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.Cut;
import dev.hivemind.moe.tensor.ElementTypes;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.ArrayList;
import java.util.List;

/**
 * Tasks of one pool that are computed together. Their rows lie one after the other in the order of the tasks.
 *
 * @param pool where the tasks waited
 * @param tasks at least one, owned by the batch
 */
record Batch(TaskPool pool, List<Task> tasks) {

    Batch {
        tasks = List.copyOf(tasks);
    }

    int rows() {
        return tasks.stream().mapToInt(Task::rows).sum();
    }

    boolean isSingle() {
        return tasks.size() == 1;
    }

    /** The same tasks, each by itself. */
    List<Batch> split() {
        return tasks.stream().map(task -> new Batch(pool, List.of(task))).toList();
    }

    /** The tensors of all tasks, copied straight into arrays of the manager. */
    NDList decode(NDManager manager) {
        var arrays = new NDList();
        for (int i = 0; i < tasks.get(0).tensors().size(); i++) {
            arrays.add(decode(manager, i));
        }
        return arrays;
    }

    private NDArray decode(NDManager manager, int tensor) {
        List<TensorFrame> parts =
                tasks.stream().map(task -> task.tensors().get(tensor)).toList();
        TensorDescriptor whole = withRows(parts.get(0).descriptor(), rows());
        NDArray array = manager.create(ElementTypes.toShape(whole), ElementTypes.toDataType(whole.elementType()));
        NDArrayFrames.joinRows(parts, array);
        return array;
    }

    /** Every task's rows of the results, in frames that the caller owns. */
    List<List<TensorFrame>> cut(NDList results) {
        List<Cut> parts = tasks.stream().map(Task::cut).toList();
        List<List<TensorFrame>> replies = new ArrayList<>();
        tasks.forEach(task -> replies.add(new ArrayList<>(results.size())));
        try {
            results.forEach(result -> deal(NDArrayFrames.cutRows(result, parts), replies));
            return replies;
        } catch (RuntimeException e) {
            replies.forEach(reply -> reply.forEach(TensorFrame::release));
            throw e;
        }
    }

    private static void deal(List<TensorFrame> parts, List<List<TensorFrame>> replies) {
        for (int i = 0; i < parts.size(); i++) {
            replies.get(i).add(parts.get(i));
        }
    }

    void succeed(List<List<TensorFrame>> replies) {
        for (int i = 0; i < replies.size(); i++) {
            tasks.get(i).succeed(replies.get(i));
        }
    }

    void fail(RpcException error) {
        tasks.forEach(task -> task.fail(error));
    }

    private static TensorDescriptor withRows(TensorDescriptor part, long rows) {
        List<Long> shape = new ArrayList<>(part.shape());
        shape.set(0, rows);
        return new TensorDescriptor(part.elementType(), shape);
    }
}
