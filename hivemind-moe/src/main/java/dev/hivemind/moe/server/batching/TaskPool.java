package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.util.context.Context;

/**
 * The way in for calls of one expert in one direction. Safe for use from any thread.
 *
 * <p>A call is refused at once when it is bound to miss its deadline, or when there is no room for it, unless it waits for
 * that. Cancellation takes a waiting call out.
 */
public final class TaskPool {

    private static final Logger LOG = LoggerFactory.getLogger(TaskPool.class);

    private final PoolQueue queue;
    private final WaitingTasks tasks;
    private final Runnable onQueued;

    /** How a caller that went away deals with what comes too late; the keys are Reactor's. */
    private final Context lateSignals = Context.of(
            "reactor.onNextDropped.local", (Consumer<Object>) this::discard,
            "reactor.onErrorDropped.local",
                    (Consumer<Throwable>) error -> LOG.debug("Nobody waits for this error", error));

    TaskPool(PoolQueue queue, WaitingTasks tasks, Runnable onQueued) {
        this.queue = queue;
        this.tasks = tasks;
        this.onQueued = onQueued;
    }

    /** Rows that wait. */
    public int queuedRows() {
        return tasks.queuedRows(queue);
    }

    /**
     * Queues a call and emits its result. Cold: every subscription queues once.
     *
     * <p>Thread: the result arrives on a device thread. Errors: {@link OverloadedException} at once when there is no room
     * or not enough time, {@link DeadlineExceededException} when the deadline has passed before the call is computed,
     * {@link PeerUnavailableException} when the runtime is closed, and what the batch function throws.
     *
     * <p>Ownership: borrows the tensors at subscription; the receiver owns the frames of the result.
     *
     * @throws IllegalArgumentException if the call has no rows, or more than a batch
     */
    public Mono<List<TensorFrame>> submit(Call call) {
        return result(call, this::enter);
    }

    /**
     * Queues a call as soon as there is room for it, and emits its result. As {@link #submit} in all else: a call that is
     * bound to miss its deadline is refused all the same, and a caller is to end the wait when the deadline passes.
     *
     * <p>Among callers that wait, turns are taken. Whoever has nothing in the pool yet is overtaken by nobody. How many
     * calls wait is for the callers of this method to bound.
     *
     * @throws IllegalArgumentException if the call has no rows, or more than a batch
     */
    public Mono<List<TensorFrame>> submitWhenRoom(Call call) {
        return result(call, this::enterWhenRoom);
    }

    private Mono<List<TensorFrame>> result(Call call, BiConsumer<Task, MonoSink<List<TensorFrame>>> entrance) {
        if (!queue.limits().fits(call.rows())) {
            throw new IllegalArgumentException(queue.limits().complaint(call.rows()));
        }
        return Mono.<List<TensorFrame>>create(reply -> entrance.accept(new Task(call, reply), reply))
                .contextWrite(lateSignals)
                .doOnDiscard(List.class, this::discard);
    }

    private void enter(Task task, MonoSink<List<TensorFrame>> reply) {
        RpcException refusal = tasks.enter(queue, task);
        if (refusal == null) {
            entered(task, reply);
        } else {
            new Refusal(queue, task, refusal).deliver();
        }
    }

    private void enterWhenRoom(Task task, MonoSink<List<TensorFrame>> reply) {
        tasks.enterWhenRoom(queue, task);
        entered(task, reply);
    }

    private void entered(Task task, MonoSink<List<TensorFrame>> reply) {
        // Registered after the task is in: a cancellation that came first is reported here at once.
        reply.onCancel(() -> cancel(task));
        onQueued.run();
    }

    private void cancel(Task task) {
        if (tasks.cancel(queue, task)) {
            task.release();
            // Others may have come in where it was.
            onQueued.run();
        }
    }

    /** Ends what nobody receives: the frames of a result. */
    private void discard(Object late) {
        if (late instanceof List<?> frames) {
            frames.forEach(this::discard);
        } else if (late instanceof TensorFrame frame) {
            frame.release();
        }
    }

    @Override
    public String toString() {
        return "TaskPool[" + queue + ", " + queuedRows() + " rows]";
    }
}
