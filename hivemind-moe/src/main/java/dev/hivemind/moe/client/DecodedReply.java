package dev.hivemind.moe.client;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.rsocket.Reply;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.scheduler.Scheduler;

/**
 * Turns a reply into arrays on another thread. Takes the reply over: it is released by the thread that decodes it, or by
 * whoever cancels before. Reactor's {@code publishOn} would drop a reply that waits for the thread at that moment.
 */
final class DecodedReply {

    private final AtomicReference<Reply> waiting;
    private final NDManager manager;

    private DecodedReply(NDManager manager, Reply reply) {
        this.waiting = new AtomicReference<>(reply);
        this.manager = manager;
    }

    static Mono<NDList> on(Scheduler scheduler, NDManager manager, Reply reply) {
        var decoded = new DecodedReply(manager, reply);
        return Mono.create(sink -> decoded.schedule(scheduler, sink));
    }

    private void schedule(Scheduler scheduler, MonoSink<NDList> sink) {
        sink.onDispose(this::release);
        try {
            scheduler.schedule(() -> decode(sink));
        } catch (RejectedExecutionException disposed) {
            sink.error(new IllegalStateException("The client is closed", disposed));
        }
    }

    private void decode(MonoSink<NDList> sink) {
        Reply reply = waiting.getAndSet(null);
        if (reply == null) {
            return;
        }
        try {
            sink.success(NDArrayFrames.decode(manager, reply.tensors()));
        } catch (RuntimeException e) {
            sink.error(e);
        } finally {
            reply.release();
        }
    }

    private void release() {
        Reply reply = waiting.getAndSet(null);
        if (reply != null) {
            reply.release();
        }
    }
}
