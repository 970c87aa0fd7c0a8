package dev.hivemind.moe.server.batching;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDList;
import dev.hivemind.rsocket.PointOfNoReturn;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.util.context.Context;

/**
 * Calls of one expert in one direction that wait for the device, first come, first served. Safe for use from any
 * thread.
 *
 * <p>Invariants, guarded by the pool's lock: {@code queuedRows} is the sum of the rows of {@code waiting} and at most
 * the limit; a task is in {@code waiting} until exactly one party takes it out, which then owns it. No signal is sent
 * while the lock is held.
 */
public final class TaskPool {

    private static final Logger LOG = LoggerFactory.getLogger(TaskPool.class);

    /** How a caller that went away deals with results and errors that come too late; the keys are Reactor's. */
    private static final Context LATE_SIGNALS = Context.of(
            "reactor.onNextDropped.local", (Consumer<Object>) TaskPool::releaseFrames,
            "reactor.onErrorDropped.local",
                    (Consumer<Throwable>) error -> LOG.debug("Nobody waits for this error", error));

    private final String name;
    private final BatchLimits limits;
    private final BatchFunction function;
    private final Runnable onOffer;
    private final DrainTime drainTime = new DrainTime();

    private final Set<Task> waiting = new LinkedHashSet<>();
    private int queuedRows;
    private boolean closed;

    TaskPool(String name, BatchLimits limits, BatchFunction function, Runnable onOffer) {
        this.name = requireNonNull(name, "name");
        this.limits = requireNonNull(limits, "limits");
        this.function = requireNonNull(function, "function");
        this.onOffer = onOffer;
    }

    /**
     * Queues a call and emits its result. Cold: every subscription queues once.
     *
     * <p>Thread: the result arrives on the device thread. Cancellation takes a waiting task out of the pool. Errors:
     * {@link OverloadedException} at once when there is no room, {@link DeadlineExceededException} when the deadline
     * passes first, {@link PeerUnavailableException} when the pool is closed, and what the batch function throws.
     *
     * <p>Ownership: borrows the tensors at subscription; the receiver owns the frames of the result.
     *
     * @param tensors of equal layout in every call but for the number of rows and the compression
     * @param rows of each tensor, from 1 to the most rows of a batch
     * @param replyCompression used for the result, on the device thread, where it makes a tensor smaller
     */
    public Mono<List<TensorFrame>> submit(
            List<TensorFrame> tensors, int rows, Deadline deadline, Compression replyCompression) {
        return submit(tensors, rows, deadline, replyCompression, () -> true);
    }

    /**
     * Queues a call that changes state. As {@link #submit(List, int, Deadline, Compression)}; a call that was given up
     * when a batch would take it is dropped without an answer.
     *
     * @param point passed when a batch takes the call
     */
    public Mono<List<TensorFrame>> submit(
            List<TensorFrame> tensors,
            int rows,
            Deadline deadline,
            Compression replyCompression,
            PointOfNoReturn point) {
        limits.requireFits(rows);
        return Mono.<List<TensorFrame>>create(
                        reply -> enqueue(new Task(tensors, rows, deadline, replyCompression, point, reply), reply))
                .contextWrite(LATE_SIGNALS)
                .doOnDiscard(List.class, TaskPool::releaseFrames);
    }

    private void enqueue(Task task, MonoSink<List<TensorFrame>> reply) {
        RpcException refusal = offer(task);
        if (refusal != null) {
            task.fail(refusal);
            return;
        }
        // Registered after the offer: a cancellation that came first is reported here at once.
        reply.onCancel(() -> cancel(task));
        onOffer.run();
    }

    private synchronized @Nullable RpcException offer(Task task) {
        if (closed) {
            return shuttingDown();
        }
        if (task.isExpired()) {
            return expired();
        }
        if (queuedRows + task.rows() > limits.maxQueuedRows()) {
            return new OverloadedException(
                    "%d rows wait for '%s' already".formatted(queuedRows, name),
                    drainTime.of(queuedRows, limits.maxBatchSize()));
        }
        waiting.add(task);
        queuedRows += task.rows();
        return null;
    }

    private void cancel(Task task) {
        if (remove(task)) {
            task.release();
        }
    }

    private synchronized boolean remove(Task task) {
        boolean removed = waiting.remove(task);
        if (removed) {
            queuedRows -= task.rows();
        }
        return removed;
    }

    /** Rows that wait. */
    public synchronized int queuedRows() {
        return queuedRows;
    }

    /** When the oldest task began to wait, as {@link System#nanoTime()} reported it; empty when none waits. */
    synchronized OptionalLong oldestNanos() {
        Iterator<Task> tasks = waiting.iterator();
        return tasks.hasNext() ? OptionalLong.of(tasks.next().enqueuedNanos()) : OptionalLong.empty();
    }

    /** The oldest tasks, as many as fit one batch; those whose deadline has passed fail instead. */
    Optional<Batch> takeBatch() {
        List<Task> expired = new ArrayList<>();
        List<Task> begun = begin(takeTasks(expired));
        expired.forEach(task -> task.fail(expired()));
        return begun.isEmpty() ? Optional.empty() : Optional.of(new Batch(this, begun));
    }

    /** Without those that were given up in the last moment. */
    private static List<Task> begin(List<Task> taken) {
        List<Task> begun = new ArrayList<>(taken.size());
        for (Task task : taken) {
            if (task.begin()) {
                begun.add(task);
            } else {
                task.release();
            }
        }
        return begun;
    }

    private synchronized List<Task> takeTasks(List<Task> expired) {
        List<Task> taken = new ArrayList<>();
        int rows = 0;
        for (Iterator<Task> tasks = waiting.iterator(); tasks.hasNext(); ) {
            Task task = tasks.next();
            boolean late = task.isExpired();
            if (!late && rows + task.rows() > limits.maxBatchSize()) {
                break;
            }
            tasks.remove();
            queuedRows -= task.rows();
            rows += late ? 0 : task.rows();
            (late ? expired : taken).add(task);
        }
        return taken;
    }

    NDList compute(NDList tensors) {
        return function.apply(tensors);
    }

    /** Takes note of how long a batch took. */
    void recordBatch(Duration duration) {
        drainTime.record(duration);
    }

    /** Refuses calls from now on, and fails those that wait. */
    void close() {
        takeAll().forEach(task -> task.fail(shuttingDown()));
    }

    private synchronized List<Task> takeAll() {
        closed = true;
        List<Task> all = List.copyOf(waiting);
        waiting.clear();
        queuedRows = 0;
        return all;
    }

    private static DeadlineExceededException expired() {
        return new DeadlineExceededException("The deadline passed before the call was computed");
    }

    private static PeerUnavailableException shuttingDown() {
        return new PeerUnavailableException("The expert's server is shutting down");
    }

    private static void releaseFrames(Object result) {
        if (result instanceof List<?> frames) {
            frames.forEach(frame -> ((TensorFrame) frame).release());
        }
    }

    @Override
    public String toString() {
        return "TaskPool[" + name + ", " + queuedRows() + " rows]";
    }
}
