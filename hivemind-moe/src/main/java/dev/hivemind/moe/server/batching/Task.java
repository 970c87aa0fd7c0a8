package dev.hivemind.moe.server.batching;

import dev.hivemind.moe.tensor.Cut;
import dev.hivemind.rsocket.PointOfNoReturn;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.MonoSink;

/**
 * One call that waits or is computed.
 *
 * <p>Ownership: a task keeps its tensors alive from its creation until it ends. Whoever takes it out of its pool, be it
 * the device, a cancellation or the end of the pool, owns it and ends it once, with one of {@link #succeed},
 * {@link #fail} and {@link #release}.
 */
final class Task {

    private static final Logger LOG = LoggerFactory.getLogger(Task.class);

    private final List<TensorFrame> tensors;
    private final int rows;
    private final Deadline deadline;
    private final Compression replyCompression;
    private final PointOfNoReturn point;
    private final long enqueuedNanos = System.nanoTime();
    private final MonoSink<List<TensorFrame>> reply;

    /** Borrows the tensors and keeps a reference of its own to each. */
    Task(
            List<TensorFrame> tensors,
            int rows,
            Deadline deadline,
            Compression replyCompression,
            PointOfNoReturn point,
            MonoSink<List<TensorFrame>> reply) {
        this.tensors = List.copyOf(tensors);
        this.rows = rows;
        this.deadline = deadline;
        this.replyCompression = replyCompression;
        this.point = point;
        this.reply = reply;
        tensors.forEach(tensor -> tensor.data().retain());
    }

    List<TensorFrame> tensors() {
        return tensors;
    }

    int rows() {
        return rows;
    }

    /** What the result is to look like. */
    Cut cut() {
        return new Cut(rows, replyCompression);
    }

    boolean isExpired() {
        return deadline.isPast();
    }

    /** Whether the task is to be computed: from here on its caller cannot take it back. */
    boolean begin() {
        return point.pass();
    }

    /** When the task began to wait, as {@link System#nanoTime()} reported it. */
    long enqueuedNanos() {
        return enqueuedNanos;
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
        tensors.forEach(TensorFrame::release);
    }
}
