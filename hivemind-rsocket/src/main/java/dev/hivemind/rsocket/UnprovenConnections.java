package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.OverloadedException;
import io.rsocket.RSocket;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/**
 * Accepted connections whose dialler has not proven itself yet; at most so many, each closed unless it is proven in
 * time. Thread-safe.
 */
final class UnprovenConnections implements Disposable {

    private final int maxConnections;
    private final Duration patience;
    private final Map<RSocket, Disposable.Swap> watches = new HashMap<>();
    private boolean disposed;

    UnprovenConnections(int maxConnections, Duration patience) {
        this.maxConnections = maxConnections;
        this.patience = patience;
    }

    /**
     * Watches a connection until it is proven or closed.
     *
     * @throws OverloadedException if too many are watched already, or all are closed
     */
    void watch(RSocket rsocket, Mono<PeerConnection> proven) {
        Disposable.Swap watch = enter(rsocket);
        watch.update(Mono.firstWithSignal(proven.then(), rsocket.onClose())
                .timeout(patience)
                .doFinally(signal -> leave(rsocket))
                .contextWrite(LateErrors::ignoredIn)
                .subscribe(nothing -> {}, error -> rsocket.dispose()));
    }

    private synchronized Disposable.Swap enter(RSocket rsocket) {
        if (disposed || watches.size() >= maxConnections) {
            throw new OverloadedException("Too many connections wait to prove themselves", patience);
        }
        Disposable.Swap watch = Disposables.swap();
        watches.put(rsocket, watch);
        return watch;
    }

    private synchronized void leave(RSocket rsocket) {
        watches.remove(rsocket);
    }

    /** Closes them all, and refuses others. */
    @Override
    public void dispose() {
        for (Map.Entry<RSocket, Disposable.Swap> entry : close()) {
            entry.getValue().dispose();
            entry.getKey().dispose();
        }
    }

    private synchronized List<Map.Entry<RSocket, Disposable.Swap>> close() {
        disposed = true;
        return List.copyOf(watches.entrySet());
    }

    @Override
    public synchronized boolean isDisposed() {
        return disposed;
    }
}
