package dev.hivemind.rsocket;

import dev.hivemind.rsocket.identity.PeerId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The connections of a pool, by peer and by how recently they were active. To find the eldest asks each connection at most
 * once between two calls of {@link #refresh}, which asks all, and apart from that as few as are taken out. Guarded by the
 * pool's lock.
 */
final class LiveConnections {

    private static final float LOAD_FACTOR = 0.75f;

    /** Least recently active first, as far as is known. */
    private final Map<PeerConnection, PooledConnection> byAge = new LinkedHashMap<>(16, LOAD_FACTOR, true);

    /** Those of one peer in the order in which they came; mostly a single one. */
    private final Map<PeerId, List<PooledConnection>> byPeer = new HashMap<>();

    private long round;

    int size() {
        return byAge.size();
    }

    /** Takes up a connection as the most recently active one. */
    void add(PooledConnection pooled) {
        PeerConnection connection = pooled.connection();
        byAge.put(connection, pooled);
        byPeer.computeIfAbsent(connection.peerId(), first -> new ArrayList<>(1)).add(pooled);
    }

    /** Forgets a connection; whether it was known. */
    boolean remove(PeerConnection connection) {
        PooledConnection removed = byAge.remove(connection);
        if (removed != null) {
            forget(removed);
        }
        return removed != null;
    }

    private void forget(PooledConnection removed) {
        byPeer.computeIfPresent(removed.connection().peerId(), (peer, ofPeer) -> {
            ofPeer.remove(removed);
            return ofPeer.isEmpty() ? null : ofPeer;
        });
        removed.forgotten();
    }

    /** The connections of a peer that take new calls. */
    List<PooledConnection> inUse(PeerId peer) {
        return byPeer.getOrDefault(peer, List.of()).stream()
                .filter(pooled -> !pooled.isRetired() && !pooled.connection().isDisposed())
                .toList();
    }

    /** Which connection is used to call a peer: the most recently active one, of several the last that came. */
    @Nullable PooledConnection preferred(PeerId peer) {
        PooledConnection preferred = null;
        for (PooledConnection pooled : byPeer.getOrDefault(peer, List.of())) {
            boolean inUse = !pooled.isRetired() && !pooled.connection().isDisposed();
            if (inUse && (preferred == null || !pooled.wasActiveBefore(preferred))) {
                preferred = pooled;
            }
        }
        return preferred;
    }

    /** Notes that a connection is active now. */
    void touch(PooledConnection pooled, long nowMillis) {
        byAge.get(pooled.connection());
        pooled.touch(nowMillis);
    }

    /** Puts the connections on which calls were made or served, or are, behind the others. */
    void refresh(long nowMillis) {
        round++;
        List<PooledConnection> active =
                byAge.values().stream().filter(PooledConnection::takeUsed).toList();
        active.forEach(pooled -> touch(pooled, nowMillis));
    }

    /**
     * Takes out the connection that was active least recently. Asks the eldest alone, as long as they turn out to have been
     * active since they were last asked; those are put behind the others. One that was put there since the last refresh is
     * the eldest again only when the others were active later, or came later, and goes without a further question.
     */
    PeerConnection removeEldest(long nowMillis) {
        PooledConnection eldest = eldest();
        while (eldest.turnsOutUsed(round)) {
            touch(eldest, nowMillis);
            eldest = eldest();
        }
        remove(eldest.connection());
        return eldest.connection();
    }

    private PooledConnection eldest() {
        return byAge.values().iterator().next();
    }

    /** Takes out those of which this is true. */
    List<PeerConnection> removeIf(Predicate<PooledConnection> due) {
        List<PeerConnection> removed = byAge.values().stream()
                .filter(due)
                .map(PooledConnection::connection)
                .toList();
        removed.forEach(this::remove);
        return removed;
    }

    /** The least recently active first. */
    List<PeerConnection> all() {
        return List.copyOf(byAge.keySet());
    }
}
