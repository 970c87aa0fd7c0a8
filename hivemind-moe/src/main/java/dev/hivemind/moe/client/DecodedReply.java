package dev.hivemind.moe.client;

import ai.djl.ndarray.NDList;
import dev.hivemind.rsocket.Reply;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.scheduler.Scheduler;

/**
 * Turns a reply into arrays on another thread. The reply is released by the thread that decodes it, or by whoever cancels
 * before. Reactor's {@code publishOn} would drop a reply that waits for the thread at that moment.
 *
 * <p>The lock is what makes cancellation mean something: once {@link #cancel} has returned, nobody touches the manager
 * any more, and the caller may close it. It is held for one copy at most.
 */
final class DecodedReply {

    private final HeldReply held;
    private final Function<Reply, NDList> decoder;
    private boolean cancelled;

    private DecodedReply(HeldReply held, Function<Reply, NDList> decoder) {
        this.held = held;
        this.decoder = decoder;
    }

    /** Takes the reply over; {@code decoder} borrows it. */
    static Mono<NDList> on(Scheduler scheduler, HeldReply reply, Function<Reply, NDList> decoder) {
        var decoded = new DecodedReply(reply, decoder);
        return Mono.create(sink -> decoded.schedule(scheduler, sink));
    }

    private void schedule(Scheduler scheduler, MonoSink<NDList> sink) {
        sink.onCancel(this::cancel);
        try {
            scheduler.schedule(() -> decode(sink));
        } catch (RejectedExecutionException disposed) {
            held.release();
            sink.error(new IllegalStateException("The client is closed", disposed));
        }
    }

    private void decode(MonoSink<NDList> sink) {
        try {
            NDList arrays = decodeUnlessCancelled();
            if (arrays != null) {
                sink.success(arrays);
            }
        } catch (RuntimeException | Error e) {
            sink.error(e);
        }
    }

    private synchronized @Nullable NDList decodeUnlessCancelled() {
        Reply reply = held.take();
        if (reply == null) {
            return null;
        }
        try {
            return cancelled ? null : decoder.apply(reply);
        } finally {
            reply.release();
        }
    }

    private synchronized void cancel() {
        cancelled = true;
        held.release();
    }
}
