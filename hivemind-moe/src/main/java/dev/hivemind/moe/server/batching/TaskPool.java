package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.util.context.Context;

/**
 * The way in for calls of one expert in one direction. Safe for use from any thread.
 *
 * <p>A call is refused at once when there is no room for it, or when it is bound to miss its deadline; a stream of calls
 * waits for room instead. Cancellation takes a waiting call out.
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
        if (!queue.limits().fits(call.rows())) {
            throw new IllegalArgumentException(queue.limits().complaint(call.rows()));
        }
        return result(reply -> enter(Task.borrowing(call), reply));
    }

    private void enter(Task task, MonoSink<List<TensorFrame>> reply) {
        task.replyTo(reply);
        RpcException refusal = tasks.admit(queue, task);
        if (refusal == null) {
            enqueue(task, reply);
        } else {
            task.fail(refusal);
        }
    }

    /**
     * Queues the calls of a stream as there is room for them. Of the stream one call at a time is requested, and the next
     * when that one has found room; so when the device stands still, at most what one caller may have in the pool is
     * accepted, and one call more.
     *
     * <p>Errors: one call's are those of {@link #submit}, and {@link SchemaMismatchException} if it has no rows or more
     * than a batch, all signalled to {@code answer}; those of {@code calls} end the result. Cancellation takes out the calls that wait.
     *
     * <p>Ownership: takes over the tensors of the calls.
     *
     * @param maxInFlight how many calls may be under way, whose results nobody may have read yet
     * @param answer from a call, whose tensors are not to be touched any more, and its result, which is to be subscribed
     *     to once, to what the result emits in its place, in the order of completion
     */
    public <R> Flux<R> submitAll(
            Flux<Call> calls,
            int maxInFlight,
            BiFunction<Call, Mono<List<TensorFrame>>, ? extends Publisher<R>> answer) {
        return calls.concatMap(this::whenAdmitted, 0)
                .<R>flatMap(admitted -> answer.apply(admitted.task().call(), result(admitted)), maxInFlight)
                .contextWrite(lateSignals)
                .doOnDiscard(Applicant.class, this::discard)
                .doOnDiscard(Call.class, Call::release);
    }

    private Mono<Applicant> whenAdmitted(Call call) {
        return Mono.create(decided -> {
            var applicant = new Applicant(queue, Task.owning(call), decided);
            if (queue.limits().fits(call.rows())) {
                tasks.admitLater(applicant);
            } else {
                applicant.refuse(new SchemaMismatchException(queue.limits().complaint(call.rows())));
                applicant.answer();
            }
            decided.onCancel(() -> abandon(applicant));
        });
    }

    private void abandon(Applicant applicant) {
        if (tasks.abandon(applicant)) {
            applicant.task().release();
        }
    }

    private Mono<List<TensorFrame>> result(Applicant admitted) {
        return result(reply -> {
            admitted.task().replyTo(reply);
            RpcException refusal = admitted.refusal();
            if (refusal == null) {
                enqueue(admitted.task(), reply);
            } else {
                admitted.task().fail(refusal);
            }
        });
    }

    private Mono<List<TensorFrame>> result(Consumer<MonoSink<List<TensorFrame>>> start) {
        return Mono.create(start).contextWrite(lateSignals).doOnDiscard(List.class, this::discard);
    }

    private void enqueue(Task task, MonoSink<List<TensorFrame>> reply) {
        if (!tasks.queue(queue, task)) {
            task.fail(WaitingTasks.shuttingDown());
            return;
        }
        // Registered after the task is queued: a cancellation that came first is reported here at once.
        reply.onCancel(() -> cancel(task));
        onQueued.run();
    }

    private void cancel(Task task) {
        if (tasks.cancel(queue, task)) {
            task.release();
        }
    }

    /** Ends what nobody receives: a call of a stream, a task that had just found room, or the frames of a result. */
    private void discard(Object late) {
        if (late instanceof Call call) {
            call.release();
        } else if (late instanceof Applicant applicant) {
            withdraw(applicant);
        } else if (late instanceof List<?> frames) {
            frames.forEach(this::discard);
        } else if (late instanceof TensorFrame frame) {
            frame.release();
        }
    }

    private void withdraw(Applicant applicant) {
        if (applicant.refusal() == null) {
            tasks.withdraw(queue, applicant.task());
        }
        applicant.task().release();
    }

    @Override
    public String toString() {
        return "TaskPool[" + queue + ", " + queuedRows() + " rows]";
    }
}
