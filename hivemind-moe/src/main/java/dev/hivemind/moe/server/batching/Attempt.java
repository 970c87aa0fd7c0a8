package dev.hivemind.moe.server.batching;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.List;

/** One try at a batch, on the device thread. Arrays live within {@link #compute()}, only frames leave it. */
final class Attempt {

    private final Batch batch;
    private boolean applied;
    private List<List<TensorFrame>> replies = List.of();

    Attempt(Batch batch) {
        this.batch = batch;
    }

    Batch batch() {
        return batch;
    }

    void compute() {
        try (NDManager manager = TensorOps.newManager()) {
            NDList inputs = batch.decode(manager);
            NDList results = batch.pool().compute(inputs);
            applied = true;
            replies = batch.cut(results);
        }
    }

    /** Whether the batch function has returned, and so whatever it changes is changed. */
    boolean isApplied() {
        return applied;
    }

    /** Ends the tasks with their results. */
    void deliver() {
        batch.succeed(replies);
    }
}
