package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * Live connections, whoever dialled them: one that is used for each peer, and at most so many, the least recently active
 * closed first. Callers who know the same addresses of a peer share one attempt to dial.
 *
 * <p>When two peers dial each other at once, both use the connection that the one with the lower id dialled, and the
 * other takes no new calls and closes when those under way have ended.
 *
 * <p>Thread-safe; connections are closed outside the lock, since that runs the code of whoever waits for an answer on
 * them.
 */
final class ConnectionPool implements Disposable {

    private static final float LOAD_FACTOR = 0.75f;
    private static final Duration SWEEP_INTERVAL = Duration.ofSeconds(1);
    private static final Duration DRAIN_CHECK_INTERVAL = Duration.ofMillis(20);

    private final PoolSettings settings;
    private final Scheduler clock;
    private final DialsUnderWay dials;
    private final Disposable.Swap sweeping = Disposables.swap();

    /** The connections that live, least recently active first. */
    private final Map<PeerConnection, PooledConnection> live = new LinkedHashMap<>(16, LOAD_FACTOR, true);

    /** Which of its connections is used to call a peer. */
    private final Map<PeerId, PeerConnection> preferred = new HashMap<>();

    private volatile boolean closing;
    private boolean disposed;

    /**
     * An empty pool.
     *
     * @param clock tells the time and runs the sweeps
     * @param random draws how long peers that failed are left alone
     */
    ConnectionPool(PoolSettings settings, Scheduler clock, RandomGenerator random) {
        this.settings = settings;
        this.clock = clock;
        this.dials = new DialsUnderWay(new DialBackoff(clock, random));
    }

    /**
     * The live connection to a peer, or else the result of dialling these addresses. Dialling goes on when its callers
     * give up; {@code dial} hands what it yields to {@link #adopt}.
     */
    Mono<PeerConnection> get(PeerId id, List<PeerAddress> addresses, Supplier<Mono<PeerConnection>> dial) {
        return unlessClosing(() -> {
            PeerConnection known = use(id);
            if (known != null) {
                return Mono.just(known);
            }
            return addresses.isEmpty() ? dial.get() : dials.join(id, addresses, dial);
        });
    }

    /** What is supplied, or an error once the node closes. */
    Mono<PeerConnection> unlessClosing(Supplier<Mono<PeerConnection>> connection) {
        return Mono.defer(
                () -> closing ? Mono.error(new PeerUnavailableException("The node is closing")) : connection.get());
    }

    private synchronized @Nullable PeerConnection use(PeerId id) {
        PeerConnection known = find(id);
        if (known != null) {
            touch(known);
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

    /** Asking the map makes the connection its most recently active one. */
    private void touch(PeerConnection connection) {
        PooledConnection pooled = live.get(connection);
        if (pooled != null) {
            pooled.touch(now());
        }
    }

    /** Forgets what has closed; of a peer's connections, the most recently active is preferred. */
    private void forgetClosed() {
        live.keySet().removeIf(PeerConnection::isDisposed);
        preferred.clear();
        live.forEach((connection, pooled) -> {
            if (!pooled.isRetired()) {
                preferred.put(connection.peerId(), connection);
            }
        });
    }

    /** Remembers a connection that the other side set up. */
    void add(PeerConnection connection) {
        enter(connection).forEach(PeerConnection::dispose);
    }

    /**
     * The connection to use after a dial. A peer that we dialled before keeps that connection, and the fresh one, which
     * nobody uses yet, is closed.
     */
    PeerConnection adopt(PeerConnection fresh) {
        PeerConnection known = use(fresh.peerId());
        if (known != null && known.activity().isDialled()) {
            fresh.dispose();
            return known;
        }
        enter(fresh).forEach(PeerConnection::dispose);
        PeerConnection used = use(fresh.peerId());
        return used != null ? used : fresh;
    }

    /** Returns the connections to close. */
    private synchronized List<PeerConnection> enter(PeerConnection connection) {
        if (closing) {
            return List.of(connection);
        }
        forgetClosed();
        live.put(connection, new PooledConnection(connection, now()));
        preferred.put(connection.peerId(), connection);
        retireTheOtherSides(connection.peerId());
        if (live.size() == 1) {
            sweeping.update(clock.schedulePeriodically(
                    this::sweep, SWEEP_INTERVAL.toMillis(), SWEEP_INTERVAL.toMillis(), TimeUnit.MILLISECONDS));
        }
        return removeSurplus();
    }

    /** If both sides dialled, the connections that the one with the higher id dialled are not used any more. */
    private void retireTheOtherSides(PeerId peer) {
        boolean keepsDialled = settings.own().compareTo(peer) < 0;
        List<PooledConnection> ofPeer = live.values().stream()
                .filter(pooled -> pooled.connection().peerId().equals(peer) && !pooled.isRetired())
                .toList();
        Predicate<PooledConnection> kept =
                pooled -> pooled.connection().activity().isDialled() == keepsDialled;
        if (ofPeer.stream().anyMatch(kept)) {
            ofPeer.stream().filter(kept.negate()).forEach(pooled -> pooled.retire(now()));
            ofPeer.stream().filter(kept).forEach(pooled -> preferred.put(peer, pooled.connection()));
        }
    }

    private List<PeerConnection> removeSurplus() {
        if (live.size() <= settings.maxConnections()) {
            return List.of();
        }
        refresh();
        Stream.Builder<PeerConnection> removed = Stream.builder();
        Iterator<PeerConnection> eldestFirst = live.keySet().iterator();
        for (int surplus = live.size() - settings.maxConnections(); surplus > 0; surplus--) {
            PeerConnection eldest = eldestFirst.next();
            eldestFirst.remove();
            preferred.remove(eldest.peerId(), eldest);
            removed.add(eldest);
        }
        return removed.build().toList();
    }

    /** Puts the connections on which calls were made or served, or are, behind the others. */
    private void refresh() {
        long now = now();
        List<PeerConnection> active = live.values().stream()
                .filter(pooled -> pooled.refresh(now))
                .map(PooledConnection::connection)
                .toList();
        active.forEach(this::touch);
    }

    private void sweep() {
        removeDue().forEach(PeerConnection::dispose);
    }

    private synchronized List<PeerConnection> removeDue() {
        refresh();
        long now = now();
        List<PeerConnection> due = live.values().stream()
                .filter(pooled -> pooled.isDue(settings.idleTimeout(), now))
                .map(PooledConnection::connection)
                .toList();
        due.forEach(live::remove);
        forgetClosed();
        if (live.isEmpty()) {
            sweeping.update(Disposables.disposed());
        }
        return due;
    }

    private long now() {
        return clock.now(TimeUnit.MILLISECONDS);
    }

    /** Whether nothing new is begun any more, neither connections nor calls. */
    boolean isClosing() {
        return closing;
    }

    /**
     * Refuses what is new and completes when the calls under way have ended and their answers are sent, or the time has
     * passed.
     */
    Mono<Void> drain(Duration timeout) {
        return Mono.defer(() -> {
            closing = true;
            return Flux.interval(Duration.ZERO, DRAIN_CHECK_INTERVAL, clock)
                    .takeUntil(check -> isQuiet())
                    .take(timeout, clock)
                    .then();
        });
    }

    private synchronized boolean isQuiet() {
        return live.keySet().stream().allMatch(connection -> connection.isDisposed() || isQuiet(connection));
    }

    private static boolean isQuiet(PeerConnection connection) {
        return connection.activity().callsUnderWay() == 0 && connection.window().unsentBytes() == 0;
    }

    /** The connections that are open now. */
    synchronized List<PeerConnection> live() {
        return live.keySet().stream()
                .filter(connection -> !connection.isDisposed())
                .toList();
    }

    /** {@link #dispose()}; completes when the connections have closed, or the time has passed. */
    Mono<Void> close(Duration timeout) {
        return Mono.defer(() -> {
            List<PeerConnection> all = live();
            dispose();
            return Mono.when(all.stream().map(PeerConnection::onClose).toList()).take(timeout, clock);
        });
    }

    /** Closes every connection, and those that come later. */
    @Override
    public void dispose() {
        sweeping.dispose();
        removeAll().forEach(PeerConnection::dispose);
    }

    private synchronized List<PeerConnection> removeAll() {
        closing = true;
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
