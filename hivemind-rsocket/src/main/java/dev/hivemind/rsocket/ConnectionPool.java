package dev.hivemind.rsocket;

import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/**
 * Live connections, whoever dialled them; at most so many, the least recently used closed first. Callers who know the
 * same addresses of a peer share one attempt to dial. Thread-safe; connections are closed outside the lock, since that
 * runs the code of whoever waits for an answer on them.
 */
final class ConnectionPool implements Disposable {

    private static final float LOAD_FACTOR = 0.75f;

    private final int maxConnections;
    private final DialsUnderWay dials = new DialsUnderWay();

    /** The connections that live, least recently used first. */
    private final Map<PeerConnection, PeerId> live = new LinkedHashMap<>(16, LOAD_FACTOR, true);

    /** Which of its connections is used to call a peer. */
    private final Map<PeerId, PeerConnection> preferred = new HashMap<>();

    private boolean disposed;

    ConnectionPool(int maxConnections) {
        this.maxConnections = maxConnections;
    }

    /**
     * The live connection to a peer, or else the result of dialling these addresses. Dialling goes on when its callers
     * give up; {@code dial} hands what it yields to {@link #adopt}.
     */
    Mono<PeerConnection> get(PeerId id, List<PeerAddress> addresses, Supplier<Mono<PeerConnection>> dial) {
        return Mono.defer(() -> {
            PeerConnection known = use(id);
            return known != null ? Mono.just(known) : dials.join(id, addresses, dial);
        });
    }

    private synchronized @Nullable PeerConnection use(PeerId id) {
        PeerConnection known = find(id);
        if (known != null) {
            live.get(known);
        }
        return known;
    }

    private @Nullable PeerConnection find(PeerId id) {
        PeerConnection known = preferred.get(id);
        if (known != null && known.isDisposed()) {
            forgetClosed();
            known = preferred.get(id);
        }
        return known;
    }

    /** Forgets what has closed; of a peer's connections, the most recently used is preferred. */
    private void forgetClosed() {
        live.keySet().removeIf(PeerConnection::isDisposed);
        preferred.clear();
        live.forEach((connection, id) -> preferred.put(id, connection));
    }

    /** Remembers a connection that the other side set up, and prefers it. */
    void add(PeerConnection connection) {
        enter(connection).forEach(PeerConnection::dispose);
    }

    /**
     * The connection to use after a dial: the peer's live connection if there is one, and then the fresh one, which
     * nobody uses yet, is closed.
     */
    PeerConnection adopt(PeerConnection fresh) {
        PeerConnection known = use(fresh.peerId());
        if (known == null) {
            add(fresh);
            return fresh;
        }
        fresh.dispose();
        return known;
    }

    /** Returns the connections to close. */
    private synchronized List<PeerConnection> enter(PeerConnection connection) {
        if (disposed) {
            return List.of(connection);
        }
        forgetClosed();
        live.put(connection, connection.peerId());
        preferred.put(connection.peerId(), connection);
        return removeSurplus();
    }

    private List<PeerConnection> removeSurplus() {
        Stream.Builder<PeerConnection> removed = Stream.builder();
        Iterator<PeerConnection> eldestFirst = live.keySet().iterator();
        for (int surplus = live.size() - maxConnections; surplus > 0; surplus--) {
            PeerConnection eldest = eldestFirst.next();
            eldestFirst.remove();
            preferred.remove(eldest.peerId(), eldest);
            removed.add(eldest);
        }
        return removed.build().toList();
    }

    /** Closes every connection, and those that come later. */
    @Override
    public void dispose() {
        removeAll().forEach(PeerConnection::dispose);
    }

    private synchronized List<PeerConnection> removeAll() {
        disposed = true;
        List<PeerConnection> all = List.copyOf(live.keySet());
        live.clear();
        preferred.clear();
        return all;
    }

    @Override
    public synchronized boolean isDisposed() {
        return disposed;
    }
}
