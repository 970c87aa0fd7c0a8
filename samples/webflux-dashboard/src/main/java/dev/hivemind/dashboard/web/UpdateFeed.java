package dev.hivemind.dashboard.web;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.dashboard.history.SwarmView;
import dev.hivemind.dashboard.history.SwarmView.ConnectionView;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.core.scheduler.Scheduler;

/**
 * Tells viewers what changes, five times a second at most. Each update is made once, and only while somebody looks. Nothing is
 * queued for anybody: a viewer takes the next update when it has room, one after the other, and who has fallen behind further
 * than updates are kept receives a snapshot instead. Large updates are made more rarely.
 *
 * <p>Publishers are safe to subscribe to from any thread; signals arrive on the collector's thread.
 */
public final class UpdateFeed implements Disposable {

    /** How many may look at the same time. */
    public static final int MAX_VIEWERS = 256;

    static final Duration PERIOD = Duration.ofMillis(200);

    /** Of one viewer; larger updates come more rarely. */
    static final int BYTES_PER_SECOND = 512 << 10;

    static final Duration KEEP_ALIVE = Duration.ofSeconds(10);

    /** A viewer that takes nothing for so long is sent away. */
    static final Duration PATIENCE = Duration.ofMinutes(1);

    private static final int MILLIS_PER_SECOND = 1_000;

    /** A tick that is so little late does not put off the next. */
    private static final long TOLERANCE_MILLIS = PERIOD.toMillis() / 10;

    private static final Logger LOG = LoggerFactory.getLogger(UpdateFeed.class);

    private final SwarmHistory history;
    private final Scheduler collector;
    private final Clock clock;
    private final About about;
    private final SwarmJson json = new SwarmJson();
    private final FrameLog log;
    private final Set<Viewer> viewers = new LinkedHashSet<>();
    private final AtomicInteger seats = new AtomicInteger();
    private final Disposable.Swap ticking = Disposables.swap();
    private volatile ConnectionView connection;
    private SwarmView latest;
    private long dueAt;
    private @Nullable Frame snapshot;
    private boolean disposed;

    /**
     * A feed of a history.
     *
     * @param collector the only thread that uses the history; stays the caller's
     */
    public UpdateFeed(SwarmHistory history, About about, Scheduler collector, Clock clock) {
        this.history = requireNonNull(history, "history");
        this.about = requireNonNull(about, "about");
        this.collector = requireNonNull(collector, "collector");
        this.clock = requireNonNull(clock, "clock");
        this.log = new FrameLog(clock.millis());
        this.connection = history.connection();
        this.latest = history.view();
    }

    /** Lets time pass in the history from now on, whether anybody looks or not. */
    public void start() {
        ticking.update(collector.schedulePeriodically(
                this::tick, PERIOD.toMillis(), PERIOD.toMillis(), TimeUnit.MILLISECONDS));
    }

    /** How many look now. */
    public int viewers() {
        return seats.get();
    }

    /** How the dashboard stands with the swarm. */
    public ConnectionView connection() {
        return connection;
    }

    /** What the dashboard says of itself. */
    public About about() {
        return about;
    }

    /** Everything that is known now, as JSON; the bytes are shared, and never changed. */
    public Mono<ByteBuffer> snapshot() {
        return Mono.fromCallable(() -> {
                    update(clock.millis());
                    return snapshotFrame().json();
                })
                .subscribeOn(collector);
    }

    /**
     * Server-sent events: a snapshot and what changes from then on, or only the latter for whoever has seen all up to an
     * update that is still known. Ends with the feed, or when nothing is taken for a minute.
     *
     * <p>Errors: {@link IllegalStateException} if there are too many viewers.
     *
     * @param lastSeen the id of the last event that was received, if any was
     */
    public Flux<byte[]> updates(@Nullable Long lastSeen) {
        return Flux.using(
                this::takeSeat,
                seat -> Flux.from(subscriber -> open(Operators.toCoreSubscriber(subscriber), lastSeen)),
                AtomicInteger::decrementAndGet);
    }

    private AtomicInteger takeSeat() {
        if (seats.incrementAndGet() > MAX_VIEWERS) {
            seats.decrementAndGet();
            throw new IllegalStateException("There are %d viewers already".formatted(MAX_VIEWERS));
        }
        return seats;
    }

    private void open(CoreSubscriber<? super byte[]> subscriber, @Nullable Long lastSeen) {
        var viewer = new Viewer(subscriber, this, lastSeen == null ? Viewer.NOTHING : lastSeen, clock.millis());
        subscriber.onSubscribe(viewer);
        collector.schedule(() -> enter(viewer));
    }

    private void enter(Viewer viewer) {
        if (disposed) {
            viewer.complete();
        } else if (!viewer.isEnded()) {
            orSendAway(viewer, () -> {
                long now = clock.millis();
                update(now);
                viewers.add(viewer);
                serve(viewer, now);
            });
        }
    }

    /** Nobody stays on a stream that cannot be served. */
    private void orSendAway(Viewer viewer, Runnable action) {
        try {
            action.run();
        } catch (RuntimeException e) {
            LOG.error("A viewer could not be served", e);
            viewers.remove(viewer);
            viewer.complete();
        }
    }

    /** The viewer can take more. */
    void wake(Viewer viewer) {
        collector.schedule(() -> {
            if (viewers.contains(viewer)) {
                orSendAway(viewer, () -> serve(viewer, clock.millis()));
            }
        });
    }

    /** The viewer is gone. */
    void leave(Viewer viewer) {
        collector.schedule(() -> viewers.remove(viewer));
    }

    private void tick() {
        try {
            history.advance();
            connection = history.connection();
            if (!viewers.isEmpty()) {
                long now = clock.millis();
                update(now);
                List.copyOf(viewers).forEach(viewer -> look(viewer, now));
            }
        } catch (RuntimeException e) {
            LOG.error("An update could not be made", e);
        }
    }

    private void look(Viewer viewer, long now) {
        serve(viewer, now);
        long silent = now - viewer.heardAt();
        if (viewer.wantsMore() && silent >= KEEP_ALIVE.toMillis()) {
            viewer.send(Frame.KEEP_ALIVE, now);
        } else if (!viewer.wantsMore() && silent >= PATIENCE.toMillis()) {
            viewers.remove(viewer);
            viewer.complete();
        }
    }

    private void serve(Viewer viewer, long now) {
        while (viewer.wantsMore()) {
            Frame next = log.canFollow(viewer.position()) ? log.after(viewer.position()) : snapshotFrame();
            if (next == null) {
                return;
            }
            viewer.send(next, now);
        }
    }

    private void update(long now) {
        if (now < dueAt) {
            return;
        }
        SwarmView view = history.view();
        byte[] changes = json.changes(log.lastId() + 1, view);
        if (changes != null) {
            log.add(Frame.update(log.lastId() + 1, changes));
            latest = view;
            snapshot = null;
            long wait = Math.max(PERIOD.toMillis(), (long) changes.length * MILLIS_PER_SECOND / BYTES_PER_SECOND);
            dueAt = Math.max(dueAt, now - TOLERANCE_MILLIS) + wait;
        }
    }

    private Frame snapshotFrame() {
        Frame current = snapshot;
        if (current == null) {
            current = Frame.snapshot(log.lastId(), SwarmJson.whole(log.lastId(), about, latest));
            snapshot = current;
        }
        return current;
    }

    /** Sends all viewers away. */
    @Override
    public void dispose() {
        ticking.dispose();
        collector.schedule(() -> {
            disposed = true;
            viewers.forEach(Viewer::complete);
            viewers.clear();
        });
    }
}
