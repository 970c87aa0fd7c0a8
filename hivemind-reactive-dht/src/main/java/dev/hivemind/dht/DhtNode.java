package dev.hivemind.dht;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.lookup.LookupRequest;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.CheckedDhtRpc;
import dev.hivemind.dht.rpc.DhtRequestHandler;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.DhtTransport;
import dev.hivemind.dht.rpc.EncodedDhtRpc;
import dev.hivemind.dht.rpc.RSocketDhtTransport;
import dev.hivemind.dht.storage.Authenticity;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.Lifetimes;
import dev.hivemind.dht.storage.PlainRecord;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;

/**
 * A node of the DHT, on top of a {@link PeerNode}.
 *
 * <p>A node whose peer listens serves others and keeps their records. A node whose peer listens nowhere is client-only:
 * it asks and stores, but appears in nobody's routing table. Table, records and lookups are confined to one loop; the
 * public methods are safe from any thread. The node owns its scheduler unless one was given, and never the peer.
 */
public final class DhtNode implements Dht {

    private final DhtTransport transport;
    private final DhtConfig config;
    private final Lifetimes lifetimes;
    private final Authenticity authenticity;
    private final AtomicLong lastSequence = new AtomicLong();
    private final NodeSchedulers schedulers;
    private final NodeLoop loop;
    private final NodeParts parts;
    private final ClockSkew clockSkew = new ClockSkew();
    private final Membership membership;
    private final LocalNode local;
    private final HandOff handOff;
    private final PathCache cache;
    private final RecordReads reads;
    private final RecordWrites writes;
    private final Disposable.Swap served = Disposables.swap();
    private final Disposable.Swap upkeep = Disposables.swap();
    private final Sinks.Empty<Void> closed = Sinks.empty();

    DhtNode(DhtConfig config, NodeSurroundings surroundings) {
        this.transport = surroundings.transport();
        this.config = config;
        this.lifetimes = new Lifetimes(surroundings.clock(), config.maxTtl());
        this.authenticity = new Authenticity(surroundings.validator());
        this.schedulers = surroundings.schedulers();
        this.loop = new NodeLoop(schedulers.loop());
        this.parts = parts();
        this.cache = new PathCache(parts);
        this.local = new LocalNode(parts, cache, authenticity, schedulers.results());
        this.handOff = new HandOff(parts);
        parts.peers().onNewcomer(handOff::met);
        parts.peers().onClock(theirs -> clockSkew.observe(theirs, lifetimes.now()));
        Scheduler timer = schedulers.results();
        var bootstrap = new Bootstrap(transport, parts.rpc(), config, timer);
        this.membership = new Membership(parts, bootstrap, surroundings.contactFile());
        this.reads = new RecordReads(parts, membership, cache);
        this.writes = new RecordWrites(parts, membership, local, reads::stored);
    }

    private NodeParts parts() {
        Scheduler worker = schedulers.results();
        DhtRpc rpc =
                new CheckedDhtRpc(new EncodedDhtRpc(transport, config.requestTimeout(), worker), authenticity, worker);
        return NodeParts.of(transport, config, lifetimes, loop, rpc);
    }

    /** Starts the description of a node on a peer, which has to be started before the node is. */
    public static DhtNodeBuilder builder(PeerNode peer) {
        return new DhtNodeBuilder(new RSocketDhtTransport(peer));
    }

    /** Starts the description of a node on a transport, which stays the caller's. */
    public static DhtNodeBuilder builder(DhtTransport transport) {
        return new DhtNodeBuilder(requireNonNull(transport, "transport"));
    }

    /**
     * Serves others, if the peer listens, joins the DHT through the initial peers, and emits this node.
     *
     * <p>Errors: {@link PeerUnavailableException} if there are initial peers and none of them answers; close the node
     * then.
     */
    public Mono<DhtNode> start() {
        return Mono.defer(() -> {
                    if (!isClientOnly()) {
                        served.update(new DhtRequestHandler(
                                        local, () -> schedulers.loop().now(TimeUnit.NANOSECONDS))
                                .register(transport));
                    }
                    return membership.join();
                })
                .then(Mono.fromCallable(() -> {
                    upkeep.update(new Upkeep(parts, membership, cache, schedulers.loop()).start(membership::save));
                    return this;
                }))
                .transform(this::published);
    }

    @Override
    public PeerId id() {
        return transport.identity().id();
    }

    @Override
    public List<PeerAddress> addresses() {
        return transport.addresses();
    }

    @Override
    public Instant now() {
        return lifetimes.now();
    }

    /** Whether this node serves nobody, because its peer listens nowhere. */
    public boolean isClientOnly() {
        return parts.isClientOnly();
    }

    @Override
    public Mono<DhtValue> get(DhtKey key) {
        return reads.findAny(key).transform(this::published);
    }

    @Override
    public Mono<DhtValue> getLatest(DhtKey key) {
        return reads.find(key, Instant.MAX).transform(this::published);
    }

    @Override
    public Mono<DhtValue> get(DhtKey key, Instant sufficient) {
        return reads.find(key, requireNonNull(sufficient, "sufficient")).transform(this::published);
    }

    @Override
    public Flux<DhtValue> find(DhtKey key) {
        return reads.stream(key).transform(this::publishedOnDemand);
    }

    @Override
    public Flux<FoundValue> getAll(Collection<DhtKey> keys) {
        return getAll(keys, Instant.MAX);
    }

    @Override
    public Flux<FoundValue> getAll(Collection<DhtKey> keys, Instant sufficient) {
        return reads.findAll(Set.copyOf(keys), requireNonNull(sufficient, "sufficient"))
                .transform(this::publishedAll);
    }

    @Override
    public Flux<DhtValue> watch(DhtKey key, Duration period) {
        return observe(key, period).concatMap(Mono::justOrEmpty, 0);
    }

    @Override
    public Flux<Optional<DhtValue>> observe(DhtKey key, Duration period) {
        Mono<Optional<DhtValue>> read = getLatest(key).map(Optional::of).defaultIfEmpty(Optional.empty());
        return new Watch(parts, local, schedulers.results())
                .changes(key.target(), read, period)
                .transform(this::publishedOnDemand);
    }

    /**
     * The nodes nearest to an id that answer, without this one, and what finding them cost. As many as a bucket holds,
     * or fewer if there are no more.
     */
    public Mono<LookupResult> findNearest(NodeId target) {
        return membership
                .rejoinIfAlone()
                .then(Mono.defer(() -> parts.look(LookupRequest.ofNodes(target, config.bucketSize()))))
                .transform(this::published);
    }

    @Override
    public DhtRecord own(DhtKey key, ByteString name, ByteString value, Instant expiresAt) {
        long sequence = lastSequence.updateAndGet(last -> Math.max(last + 1, now().toEpochMilli()));
        return DhtRecord.owned(transport.identity(), key, name, new PlainRecord(value, expiresAt), sequence);
    }

    @Override
    public Mono<StoreReceipt> store(DhtRecord record) {
        return storeAll(List.of(record)).single();
    }

    @Override
    public Flux<StoreReceipt> storeAll(Collection<DhtRecord> records) {
        return writes.storeAll(records).transform(this::publishedAll);
    }

    /** How much this node knows and keeps now. */
    public Mono<DhtSnapshot> snapshot() {
        return loop.call(() -> parts.snapshot(clockSkew.median())).transform(this::published);
    }

    /** Results leave the loop, so that nobody's code holds it up, and end when the node is closed. */
    private <T> Mono<T> published(Mono<T> result) {
        return Mono.firstWithSignal(this.<T>closedError(), result).publishOn(schedulers.results());
    }

    private <T> Flux<T> publishedAll(Flux<T> results) {
        return results.takeUntilOther(closedError()).publishOn(schedulers.results(), 1);
    }

    /** Unlike {@link #publishedAll}, asks for nothing before it is wanted. */
    private <T> Flux<T> publishedOnDemand(Flux<T> results) {
        return results.takeUntilOther(closedError())
                .concatMap(result -> Mono.just(result).publishOn(schedulers.results()), 0);
    }

    private <T> Mono<T> closedError() {
        return closed.asMono().then(Mono.error(() -> new IllegalStateException("The DHT node is closed")));
    }

    /**
     * Waits for the copies under way of records whose stores were acknowledged, for as long as one call may take; then stops
     * serving and asking, and frees the scheduler if this node owns it. Idempotent; the peer lives on.
     */
    public Mono<Void> close() {
        Mono<Void> copied = writes.finished().timeout(config.requestTimeout(), Mono.empty(), schedulers.results());
        return Mono.<Void>fromRunnable(upkeep::dispose)
                .then(Mono.defer(membership::save).onErrorComplete())
                .then(copied)
                .takeUntilOther(closed.asMono())
                .onErrorComplete()
                .then(Mono.fromRunnable(this::stop));
    }

    private void stop() {
        served.dispose();
        local.dispose();
        closed.tryEmitEmpty();
        writes.dispose();
        handOff.dispose();
        cache.dispose();
        parts.peers().dispose();
        loop.dispose();
        schedulers.dispose();
    }

    @Override
    public String toString() {
        return "DhtNode[" + id().toShortString() + (isClientOnly() ? ", client-only]" : "]");
    }
}
