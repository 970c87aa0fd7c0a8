package dev.hivemind.rsocket;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/**
 * Live connections by peer id, whoever dialled them; at most so many, the least recently used closed first. Concurrent
 * callers share one attempt to dial. Thread-safe.
 */
final class ConnectionPool implements Disposable {

    private final Cache<PeerId, Link> links;
    private final Set<PeerConnection> live = ConcurrentHashMap.newKeySet();
    private volatile boolean disposed;

    ConnectionPool(int maxConnections) {
        links = Caffeine.newBuilder()
                .maximumSize(maxConnections)
                .executor(Runnable::run)
                .<PeerId, Link>evictionListener((id, link, cause) -> {
                    if (link != null) {
                        link.dispose();
                    }
                })
                .build();
    }

    /** The live connection to a peer, or else the result of dialling, which is shared and remembered. */
    Mono<PeerConnection> get(PeerId id, Supplier<Mono<PeerConnection>> dial) {
        return Mono.defer(() -> links.get(id, key -> new Link()).connection(dial));
    }

    /** Remembers a connection that was set up by the other side, or without knowing the peer's id. */
    void add(PeerConnection connection) {
        live.removeIf(PeerConnection::isDisposed);
        live.add(connection);
        links.get(connection.peerId(), key -> new Link()).offer(connection);
        if (disposed) {
            connection.dispose();
        }
    }

    /** Closes every connection. */
    @Override
    public void dispose() {
        disposed = true;
        live.forEach(PeerConnection::dispose);
        live.clear();
        links.invalidateAll();
    }

    @Override
    public boolean isDisposed() {
        return disposed;
    }

    /** What is known of the way to one peer. */
    private static final class Link {

        private @Nullable PeerConnection current;
        private @Nullable Mono<PeerConnection> dialling;

        synchronized Mono<PeerConnection> connection(Supplier<Mono<PeerConnection>> dial) {
            if (current != null && !current.isDisposed()) {
                return Mono.just(current);
            }
            if (dialling == null) {
                dialling = Mono.defer(dial)
                        .doOnNext(this::offer)
                        .doFinally(signal -> dialled())
                        .cacheInvalidateIf(PeerConnection::isDisposed);
            }
            return dialling;
        }

        synchronized void offer(PeerConnection connection) {
            if (current == null || current.isDisposed()) {
                current = connection;
            }
        }

        private synchronized void dialled() {
            dialling = null;
        }

        synchronized void dispose() {
            if (current != null) {
                current.dispose();
            }
        }
    }
}
