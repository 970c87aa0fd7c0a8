package dev.hivemind.rsocket;

import dev.hivemind.rsocket.DialBackoff.Target;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;

/**
 * Attempts to reach a peer at some addresses, each shared by all who ask for the same while it lasts. An attempt goes on
 * through all its addresses when its callers give up. After a failure the next attempt has to wait. Thread-safe.
 */
final class DialsUnderWay {

    private final Map<Target, CompletableFuture<PeerConnection>> dials = new ConcurrentHashMap<>();

    private final DialBackoff backoff;

    DialsUnderWay(DialBackoff backoff) {
        this.backoff = backoff;
    }

    /** The outcome of the attempt under way, or of a new one. */
    Mono<PeerConnection> join(PeerId id, List<PeerAddress> addresses, Supplier<Mono<PeerConnection>> dial) {
        var target = new Target(id, addresses);
        return PeerDialler.ignoringLateErrors(Mono.fromFuture(() -> join(target, dial), true));
    }

    private CompletableFuture<PeerConnection> join(Target target, Supplier<Mono<PeerConnection>> dial) {
        PeerUnavailableException refusal = backoff.refusal(target);
        if (refusal != null) {
            return CompletableFuture.failedFuture(refusal);
        }
        var started = new CompletableFuture<PeerConnection>();
        CompletableFuture<PeerConnection> running = dials.putIfAbsent(target, started);
        if (running == null) {
            run(target, dial, started);
        }
        return running != null ? running : started;
    }

    private void run(Target target, Supplier<Mono<PeerConnection>> dial, CompletableFuture<PeerConnection> result) {
        PeerDialler.ignoringLateErrors(Mono.defer(dial)).toFuture().whenComplete((connection, error) -> {
            conclude(target, error == null);
            if (error != null) {
                result.completeExceptionally(error);
            } else {
                result.complete(connection);
            }
        });
    }

    /** Whoever finds the attempt gone finds its outcome in the backoff. */
    private void conclude(Target target, boolean succeeded) {
        if (succeeded) {
            backoff.succeeded(target);
        } else {
            backoff.failed(target);
        }
        dials.remove(target);
    }
}
