package dev.hivemind.dashboard.swarm;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.dashboard.history.SwarmView.ConnectionView;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.RSocketDhtTransport;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.events.CollectedEvent;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.time.Clock;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.netty.resources.LoopResources;

/**
 * Watches a swarm and enters what it sees in a history, on the collector's thread alone. A swarm that cannot be reached, or
 * no longer, is tried again, after a second at first, doubling to ten.
 *
 * <p>It has two peers: one that only asks, so that the DHT never counts on it, and one that listens for trainers.
 */
public final class SwarmObserver {

    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LAST_PAUSE = Duration.ofSeconds(10);

    /** Bodies beyond 256 KiB that are held; the largest that is asked for is a dictionary of the DHT. */
    private static final long INBOUND_BYTES = 16 << 20;

    private static final String FIRST_WORDS = "Joining the swarm through %s";
    private static final Logger LOG = LoggerFactory.getLogger(SwarmObserver.class);

    private final Watched watched;
    private final SwarmHistory history;
    private final Scheduler collector;
    private final Clock clock;
    private final PeerNode visitor;
    private final PeerNode reports;
    private final Entrances entrances;
    private final Disposable.Composite running = Disposables.composite();
    private Duration pause = FIRST_PAUSE;
    private boolean joinedOnce;
    private @Nullable String absence;

    /**
     * An observer that does nothing yet. Made on any thread, before the collector uses the history.
     *
     * @param identity the dashboard's, as the history knows it
     * @param collector one thread, which stays the caller's; nobody else may use the history on another
     * @param loops event loops, which stay the caller's
     */
    public SwarmObserver(
            Watched watched, PeerIdentity identity, SwarmHistory history, Scheduler collector, LoopResources loops) {
        this.watched = requireNonNull(watched, "watched");
        this.history = requireNonNull(history, "history");
        this.collector = requireNonNull(collector, "collector");
        this.clock = history.clock();
        this.entrances = new Entrances(watched.initialPeers());
        this.visitor = peer(identity, loops).build();
        this.reports =
                peer(PeerIdentity.generate(), loops).listen(watched.reportOn()).build();
        tell("joining", FIRST_WORDS.formatted(entrances.first()), null);
    }

    private static PeerNode.Builder peer(PeerIdentity identity, LoopResources loops) {
        return PeerNode.builder()
                .identity(identity)
                .loops(loops)
                .inboundBudget(INBOUND_BYTES)
                .resultCacheBytes(0)
                .drainTimeout(Duration.ZERO);
    }

    /**
     * Listens for reports.
     *
     * <p>Errors: {@link dev.hivemind.rsocket.ListenException} if nobody can listen there.
     */
    public Mono<Void> listen() {
        return reports.start().then();
    }

    /** Begins to watch, and returns at once. Whether there is a swarm, the history tells. */
    public void start() {
        running.add(EventFeed.collect(reports).publishOn(collector).subscribe(this::reported, this::stopped));
        running.add(stays().subscribe(nothing -> {}, this::stopped));
    }

    private void stopped(Throwable error) {
        LOG.error("The swarm is watched no more", error);
    }

    /** Where trainers report to; known when it listens. */
    public PeerAddress reportAddress() {
        return reports.addresses().get(0);
    }

    private void reported(CollectedEvent collected) {
        entrances.reported(collected.event());
        history.reported(collected.source(), collected.event());
    }

    /** One stay in a swarm after the other. */
    private Mono<Void> stays() {
        return Mono.defer(this::stay)
                .onErrorResume(RpcException.class, this::refused)
                .onErrorResume(error -> {
                    LOG.warn("Watching the swarm failed; it begins again", error);
                    return Mono.empty();
                })
                .then(Mono.defer(this::rest))
                .repeat()
                .then()
                .subscribeOn(collector);
    }

    private Mono<Void> stay() {
        tell("joining", absence == null ? FIRST_WORDS.formatted(entrances.first()) : absence, null);
        return Mono.usingWhen(join(), this::watch, DhtNode::close);
    }

    private Mono<DhtNode> join() {
        return Mono.defer(() -> {
            DhtNode dht = DhtNode.builder(visitor).initialPeers(entrances.all()).build();
            return dht.start().onErrorResume(error -> dht.close().then(Mono.error(error)));
        });
    }

    private Mono<Void> watch(DhtNode dht) {
        return Mono.<Void>defer(() -> {
                    joinedOnce = true;
                    pause = FIRST_PAUSE;
                    absence = null;
                    tell("joined", "Joined the swarm", null);
                    return session(dht).watch(entrances);
                })
                .subscribeOn(collector)
                .publishOn(collector);
    }

    private Session session(DhtNode dht) {
        return new Session(watched, history, collector, new RSocketDhtTransport(visitor), new Session.Parts() {
            @Override
            public ExpertDirectory directory() {
                return new ExpertDirectory(dht);
            }

            @Override
            public NodeFeeds feeds(Consumer<Contact> onEnd) {
                return new NodeFeeds(visitor, history, collector, clock, onEnd);
            }
        });
    }

    private Mono<Void> refused(RpcException error) {
        LOG.debug("The swarm cannot be joined", error);
        return Mono.empty();
    }

    private Mono<Void> rest() {
        return Mono.defer(() -> {
                    Duration now = pause;
                    Duration twice = pause.multipliedBy(2);
                    pause = twice.compareTo(LAST_PAUSE) < 0 ? twice : LAST_PAUSE;
                    tellAbsence(clock.millis() + now.toMillis());
                    return Mono.firstWithSignal(Mono.delay(now, collector).then(), entrances.change());
                })
                .subscribeOn(collector)
                .publishOn(collector);
    }

    private void tellAbsence(long retryAt) {
        absence = joinedOnce
                ? "No node of the swarm answers any more; it is looked for again"
                : "Nobody answers at %s yet; is a server running there?".formatted(entrances.first());
        tell("joining", absence, retryAt);
    }

    private void tell(String state, String text, @Nullable Long retryAt) {
        boolean stillLost = joinedOnce && state.equals("joining");
        history.connection(
                new ConnectionView(stillLost ? "lost" : state, entrances.first().toString(), text, retryAt));
    }

    /** Leaves, and ends everything. Idempotent. */
    public Mono<Void> close() {
        return Mono.fromRunnable(running::dispose).then(Mono.when(visitor.close(), reports.close()));
    }
}
