package dev.hivemind.moe.server;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Counts the calls under way, and takes no more of them once it was told to stop. Thread-safe. */
final class Admission {

    private final AtomicInteger underWay = new AtomicInteger();
    private final Sinks.Empty<Void> idle = Sinks.empty();
    private volatile boolean stopped;

    /** The call, if it still comes in time; one that does not is told to go elsewhere. */
    <T> Mono<T> admit(Supplier<Mono<T>> call) {
        return Mono.defer(() -> {
            underWay.incrementAndGet();
            return (stopped ? Mono.<T>error(Admission::refusal) : Mono.defer(call)).doFinally(signal -> leave());
        });
    }

    private static PeerUnavailableException refusal() {
        return new PeerUnavailableException("This server is about to end, and takes no new calls: ask another owner");
    }

    private void leave() {
        if (underWay.decrementAndGet() == 0 && stopped) {
            idle.tryEmitEmpty();
        }
    }

    /** Takes no more calls; completes when those under way have ended. */
    Mono<Void> stop() {
        return Mono.defer(() -> {
            stopped = true;
            if (underWay.get() == 0) {
                idle.tryEmitEmpty();
            }
            return idle.asMono();
        });
    }

    boolean isStopped() {
        return stopped;
    }
}
