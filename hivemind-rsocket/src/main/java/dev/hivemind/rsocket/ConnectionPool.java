package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
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

    private static final Duration SWEEP_INTERVAL = Duration.ofSeconds(1);
    private static final Duration DRAIN_CHECK_INTERVAL = Duration.ofMillis(20);

    private final PoolSettings settings;
    private final Scheduler clock;
    private final DialsUnderWay dials;
    private final Disposable.Swap sweeping = Disposables.swap();

    private final LiveConnections live = new LiveConnections();
    private volatile boolean closing;
    private boolean disposed;
    private boolean sweeps;

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

    /** The live connection to a peer; null if there is none, or the node closes. */
    @Nullable PeerConnection living(PeerId id) {
        return closing ? null : use(id);
    }

    /** What is supplied, or an error once the node closes. */
    Mono<PeerConnection> unlessClosing(Supplier<Mono<PeerConnection>> connection) {
        return Mono.defer(
                () -> closing ? Mono.error(new PeerUnavailableException("The node is closing")) : connection.get());
    }

    private synchronized @Nullable PeerConnection use(PeerId id) {
        PooledConnection known = live.preferred(id);
        if (known == null) {
            return null;
        }
        live.touch(known, now());
        return known.connection();
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

    /** Returns the connections to close: the one that enters, or those that it takes the place of. */
    private synchronized List<PeerConnection> enter(PeerConnection connection) {
        if (closing || connection.isDisposed()) {
            return List.of(connection);
        }
        List<PeerConnection> removed = makeRoom();
        var pooled = new PooledConnection(connection, now());
        live.add(pooled);
        pooled.whenClosed(() -> forget(connection));
        retireTheOtherSides(connection.peerId());
        sweepFromNowOn();
        return removed;
    }

    private synchronized void forget(PeerConnection closed) {
        live.remove(closed);
    }

    /** If both sides dialled, the connections that the one with the higher id dialled are not used any more. */
    private void retireTheOtherSides(PeerId peer) {
        boolean keepsDialled = settings.own().compareTo(peer) < 0;
        List<PooledConnection> inUse = live.inUse(peer);
        Predicate<PooledConnection> kept =
                pooled -> pooled.connection().activity().isDialled() == keepsDialled;
        if (inUse.stream().anyMatch(kept)) {
            inUse.stream().filter(kept.negate()).forEach(pooled -> pooled.retire(now()));
        }
    }

    private List<PeerConnection> makeRoom() {
        var removed = new ArrayList<PeerConnection>();
        while (live.size() >= settings.maxConnections()) {
            removed.add(live.removeEldest(now()));
        }
        return removed;
    }

    private void sweepFromNowOn() {
        if (!sweeps) {
            sweeps = true;
            sweeping.update(clock.schedulePeriodically(
                    this::sweep, SWEEP_INTERVAL.toMillis(), SWEEP_INTERVAL.toMillis(), TimeUnit.MILLISECONDS));
        }
    }

    private void sweep() {
        removeDue().forEach(PeerConnection::dispose);
    }

    private synchronized List<PeerConnection> removeDue() {
        long now = now();
        live.refresh(now);
        List<PeerConnection> due = live.removeIf(pooled -> pooled.isDue(settings.idleTimeout(), now));
        if (live.size() == 0) {
            sweeps = false;
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
        return live.all().stream().allMatch(connection -> connection.isDisposed() || isQuiet(connection));
    }

    private static boolean isQuiet(PeerConnection connection) {
        return connection.activity().callsUnderWay() == 0 && connection.window().unsentBytes() == 0;
    }

    /** The connections that are open now. */
    synchronized List<PeerConnection> live() {
        return live.all().stream()
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
        List<PeerConnection> all = live.removeIf(pooled -> true);
        return all;
    }

    @Override
    public synchronized boolean isDisposed() {
        return disposed;
    }
}
