package dev.hivemind.moe.server.batching;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.Cut;
import dev.hivemind.moe.tensor.ElementTypes;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;

/**
 * Tasks of one pool that are computed together. Their rows lie one after the other in the order of the tasks.
 *
 * @param pool where the tasks waited
 * @param tasks owned by the batch
 */
record Batch(PoolQueue pool, List<Task> tasks) {

    Batch {
        tasks = List.copyOf(tasks);
    }

    int rows() {
        int rows = 0;
        for (Task task : tasks) {
            rows += task.rows();
        }
        return rows;
    }

    boolean isEmpty() {
        return tasks.isEmpty();
    }

    /** The first half of the tasks, and the second. */
    List<Batch> halves() {
        int middle = tasks.size() / 2;
        return List.of(new Batch(pool, tasks.subList(0, middle)), new Batch(pool, tasks.subList(middle, tasks.size())));
    }

    /** The tasks to which any of these rows belong. */
    List<Task> ownersOf(BitSet rows) {
        List<Task> owners = new ArrayList<>();
        int first = 0;
        for (Task task : tasks) {
            int row = rows.nextSetBit(first);
            first += task.rows();
            if (row >= 0 && row < first) {
                owners.add(task);
            }
        }
        return owners;
    }

    /** Without the tasks that were given up in the last moment, which end here. */
    Batch begin() {
        List<Task> begun = new ArrayList<>(tasks.size());
        for (Task task : tasks) {
            if (task.begin()) {
                begun.add(task);
            } else {
                task.release();
            }
        }
        return begun.size() == tasks.size() ? this : new Batch(pool, begun);
    }

    Batch none() {
        return new Batch(pool, List.of());
    }

    Batch without(Set<Task> excluded) {
        return new Batch(
                pool, tasks.stream().filter(task -> !excluded.contains(task)).toList());
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
        List<TensorFrame> parts = new ArrayList<>(tasks.size());
        tasks.forEach(task -> parts.add(task.tensors().get(tensor)));
        TensorDescriptor whole = withRows(parts.get(0).descriptor(), rows());
        NDArray array = manager.create(ElementTypes.toShape(whole), ElementTypes.toDataType(whole.elementType()));
        NDArrayFrames.joinRows(parts, array);
        return array;
    }

    /** Every task's rows of the results, in frames that the caller owns. */
    List<List<TensorFrame>> cut(NDList results) {
        List<Cut> parts = new ArrayList<>(tasks.size());
        List<List<TensorFrame>> replies = new ArrayList<>(tasks.size());
        for (Task task : tasks) {
            parts.add(task.cut());
            replies.add(new ArrayList<>(results.size()));
        }
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

    private static TensorDescriptor withRows(TensorDescriptor part, long rows) {
        List<Long> shape = new ArrayList<>(part.shape());
        shape.set(0, rows);
        return new TensorDescriptor(part.elementType(), shape);
    }
}
