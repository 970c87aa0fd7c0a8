package dev.hivemind.moe.server.batching;

import dev.hivemind.moe.tensor.Cut;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.MonoSink;

/**
 * One call that waits or is computed.
 *
 * <p>Ownership: a task keeps its tensors alive from its creation until it ends. Whoever takes it out of its queue, be it
 * the device, a cancellation or the end of the pool, owns it and ends it once, with one of {@link #succeed},
 * {@link #fail} and {@link #release}.
 *
 * <p>Threads: times are written and read under the lock of {@link WaitingTasks}.
 */
final class Task {

    private static final Logger LOG = LoggerFactory.getLogger(Task.class);

    private final Call call;
    private final MonoSink<List<TensorFrame>> reply;
    private final long sizeBytes;
    private final PriorityClass priorityClass;

    private long enqueuedNanos;
    private long dueNanos;

    /** Keeps references of its own to the call's tensors. {@code reply} waits for the result. */
    Task(Call call, MonoSink<List<TensorFrame>> reply) {
        this.call = call;
        this.reply = reply;
        this.sizeBytes = call.sizeBytes();
        this.priorityClass = PriorityClass.of(call.priority());
        call.retain();
    }

    List<TensorFrame> tensors() {
        return call.tensors();
    }

    int rows() {
        return call.rows();
    }

    /** What the result is to look like. */
    Cut cut() {
        return call.cut();
    }

    /** Whether the task is to be computed: from here on its caller cannot take it back. */
    boolean begin() {
        return call.point().pass();
    }

    long sizeBytes() {
        return sizeBytes;
    }

    PeerId caller() {
        return call.caller();
    }

    PriorityClass priorityClass() {
        return priorityClass;
    }

    /** Time left to the deadline; not positive when it has passed. */
    long remainingNanos(long now) {
        return call.deadline().nanoTime() - now;
    }

    boolean isExpired(long now) {
        return remainingNanos(now) <= 0;
    }

    /**
     * The wait begins.
     *
     * @param lingerNanos how long the task may wait for others; at most half of the time that it has is spent so
     */
    void enqueue(long now, long lingerNanos) {
        enqueuedNanos = now;
        dueNanos = now + Math.min(lingerNanos, Math.max(0, remainingNanos(now) / 2));
    }

    /** How long the task has waited. */
    long waitedNanos(long now) {
        return now - enqueuedNanos;
    }

    long urgency() {
        return priorityClass.urgency(enqueuedNanos);
    }

    /** When the task has waited for others long enough. */
    long dueNanos() {
        return dueNanos;
    }

    /** Ends the task with its result, whose frames pass to the caller of the expert. */
    void succeed(List<TensorFrame> result) {
        release();
        signal(() -> reply.success(result));
    }

    /** Ends the task with an error. */
    void fail(RpcException error) {
        release();
        signal(() -> reply.error(error));
    }

    /** A caller that cannot take its answer must not keep others from theirs. */
    private static void signal(Runnable answer) {
        try {
            answer.run();
        } catch (RuntimeException e) {
            LOG.warn("A caller failed to take its answer", e);
        }
    }

    /** Ends the task without a word: nobody waits for it. */
    void release() {
        call.release();
    }
}
