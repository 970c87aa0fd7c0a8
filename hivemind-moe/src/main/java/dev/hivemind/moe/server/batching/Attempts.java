package dev.hivemind.moe.server.batching;

import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Computes one batch on the device thread, as one batch if at all possible.
 *
 * <p>A batch that fails is computed again without the tasks at fault, so that the others still count as one batch with
 * one step of the optimizer. The function may name the tasks at fault. If it does not, they are searched for among
 * halves, which are computed for trial only. Arrays live within an attempt, only frames leave it.
 */
final class Attempts {

    private static final Logger LOG = LoggerFactory.getLogger(Attempts.class);

    private final Batch batch;
    private final List<Result> results = new ArrayList<>();
    private Duration pause = Duration.ZERO;

    private Attempts(Batch batch) {
        this.batch = batch;
    }

    /** Never throws: whatever goes wrong is the result of a task. */
    static Outcome compute(Batch batch) {
        var attempts = new Attempts(batch);
        Batch rest = batch.begin();
        while (!rest.isEmpty()) {
            rest = attempts.attempt(rest);
        }
        return new Outcome(batch, attempts.results, attempts.pause);
    }

    /** Computes the tasks, and returns those to try again. */
    private Batch attempt(Batch tasks) {
        try (NDManager manager = TensorOps.newManager()) {
            finish(tasks, compute(tasks, manager));
            return tasks.none();
        } catch (Throwable error) {
            return exclude(tasks, error);
        }
    }

    private static Computation compute(Batch tasks, NDManager manager) {
        return tasks.pool().function().compute(tasks.decode(manager));
    }

    /** From here on nothing is tried again, since something may have changed. */
    private void finish(Batch tasks, Computation computation) {
        try {
            List<List<TensorFrame>> replies = commit(computation, tasks.cut(computation.results()));
            for (int i = 0; i < replies.size(); i++) {
                results.add(Result.success(tasks.tasks().get(i), replies.get(i)));
            }
            pause = computation.pause();
        } catch (Throwable error) {
            failAll(tasks, error);
        }
    }

    private static List<List<TensorFrame>> commit(Computation computation, List<List<TensorFrame>> replies) {
        try {
            computation.commit().run();
            return replies;
        } catch (Throwable error) {
            replies.forEach(reply -> reply.forEach(TensorFrame::release));
            throw error;
        }
    }

    private Batch exclude(Batch tasks, Throwable error) {
        Map<Task, RpcException> culprits = culprits(tasks, error);
        if (culprits.isEmpty()) {
            // Each half can be computed, but not the whole.
            failAll(tasks, error);
            return tasks.none();
        }
        culprits.forEach((task, reason) -> results.add(Result.failure(task, reason)));
        return tasks.without(culprits.keySet());
    }

    private void failAll(Batch tasks, Throwable error) {
        RpcException reason = toRpcException(error);
        tasks.tasks().forEach(task -> results.add(Result.failure(task, reason)));
    }

    private Map<Task, RpcException> culprits(Batch tasks, Throwable error) {
        if (tasks.tasks().size() == 1) {
            return Map.of(tasks.tasks().get(0), toRpcException(error));
        }
        List<Task> named = named(tasks, error);
        Map<Task, RpcException> culprits = new HashMap<>();
        if (!named.isEmpty()) {
            RpcException reason = toRpcException(error);
            named.forEach(task -> culprits.put(task, reason));
        } else {
            tasks.halves().forEach(half -> culprits.putAll(culpritsAmong(half)));
        }
        return culprits;
    }

    /** The tasks that the error names; none if it names all, as happens when rows spoil each other. */
    private static List<Task> named(Batch tasks, Throwable error) {
        if (error instanceof PoisonousRowsException poison) {
            List<Task> owners = tasks.ownersOf(poison.rows());
            return poison.isCertain() || owners.size() < tasks.tasks().size() ? owners : List.of();
        }
        return List.of();
    }

    private Map<Task, RpcException> culpritsAmong(Batch half) {
        try (NDManager manager = TensorOps.newManager()) {
            compute(half, manager);
            return Map.of();
        } catch (Throwable error) {
            return culprits(half, error);
        }
    }

    private RpcException toRpcException(Throwable error) {
        if (error instanceof RpcException known) {
            return known;
        }
        if (error instanceof PoisonousRowsException poison) {
            return poison.toRpcException();
        }
        LOG.warn("{} failed to compute a batch", batch.pool(), error);
        return new ExpertFailedException("The expert failed while it computed this call");
    }
}
