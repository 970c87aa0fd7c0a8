package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupRequest;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.Answer;
import dev.hivemind.dht.rpc.StoreReply;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.rsocket.error.RpcException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Stores records at the peers that ought to keep them. {@link #dispose()} gives up the copies that are still being made of
 * records whose callers have been told already.
 */
final class RecordWrites implements StoreWave.Peers, Disposable {

    /** How many keys are looked for and stored together, so that what goes to one peer travels in one request. */
    private static final int TOGETHER = 64;

    /** How many such groups of one batch are on their way at once. */
    private static final int MAX_GROUPS = 2;

    /**
     * How many of the nearest peers a search asks before the records are sent. They know those around them, and the others
     * show by their answer to the records themselves whether they are there. A search that meets silence asks them all, and
     * so does the second one, which follows if too few take the records and some are silent.
     */
    private static final int CONFIRMATIONS = 2;

    /** How many waves may go on after their callers were told; the callers of further ones wait until all is done. */
    private static final int MAX_UNFINISHED = 64;

    private final NodeParts node;
    private final Membership membership;
    private final LocalNode local;
    private final Consumer<NodeId> stored;
    private final Set<Copies> unfinished = ConcurrentHashMap.newKeySet();
    private volatile boolean disposed;

    /**
     * @param stored hears on the loop where something was stored, before whoever stores it does
     */
    RecordWrites(NodeParts node, Membership membership, LocalNode local, Consumer<NodeId> stored) {
        this.stored = stored;
        this.node = node;
        this.membership = membership;
        this.local = local;
    }

    Flux<StoreReceipt> storeAll(Collection<DhtRecord> records) {
        List<DhtRecord> copy = List.copyOf(records);
        Flux<StoreReceipt> receipts = Flux.defer(() -> {
            copy.forEach(node.lifetimes()::requireAcceptable);
            return Flux.fromIterable(byKey(copy).entrySet()).buffer(TOGETHER).flatMap(this::store, MAX_GROUPS);
        });
        return membership.rejoinIfAlone().thenMany(receipts);
    }

    private static Map<DhtKey, List<DhtRecord>> byKey(List<DhtRecord> records) {
        Map<DhtKey, List<DhtRecord>> byKey = new LinkedHashMap<>();
        for (DhtRecord record : records) {
            byKey.computeIfAbsent(record.key(), key -> new ArrayList<>()).add(record);
        }
        return byKey;
    }

    private Flux<StoreReceipt> store(List<Map.Entry<DhtKey, List<DhtRecord>>> group) {
        Map<NodeId, List<DhtRecord>> byTarget = new LinkedHashMap<>();
        group.forEach(entry -> byTarget.put(entry.getKey().target(), entry.getValue()));
        int width = width();
        List<LookupRequest> requests = byTarget.keySet().stream()
                .map(target -> LookupRequest.ofNodes(target, width, confirmations(width)))
                .toList();
        return node.lookAll(requests).collectList().flatMapMany(found -> place(found, byTarget));
    }

    /** Where buckets hold little more than the copies, those around a key may not fit into the buckets of the nearest. */
    private int confirmations(int width) {
        return node.config().bucketSize() < 2 * node.config().replicas() ? width : CONFIRMATIONS;
    }

    /** Some more than are wanted may refuse, or be gone a moment later. */
    private int width() {
        int replicas = node.config().replicas();
        return Math.max(replicas, Math.min(node.config().bucketSize(), replicas + Math.max(4, replicas / 2)));
    }

    private Flux<StoreReceipt> place(List<LookupResult> found, Map<NodeId, List<DhtRecord>> byTarget) {
        List<Placement> placements = new ArrayList<>();
        for (LookupResult result : found) {
            List<Contact> keepers = keepers(result.target(), result.closest());
            if (keepers.isEmpty()) {
                return Flux.error(NodeParts.nobody());
            }
            Batches.of(byTarget.getOrDefault(result.target(), List.of()))
                    .forEach(batch -> placements.add(
                            new Placement(batch, keepers, node.config().replicas())));
        }
        return Flux.create(sink -> node.loop().execute(() -> begin(placements, sink)));
    }

    /** On the loop. Whoever gives up before all is acknowledged gives up everything. */
    private void begin(List<Placement> placements, FluxSink<StoreReceipt> sink) {
        var copies = new Copies();
        boolean early = unfinished.size() < MAX_UNFINISHED;
        var wave = new StoreWave(
                placements,
                early ? node.config().acknowledgements() : node.config().replicas(),
                node.config().softTimeout(),
                node.loop(),
                this,
                new StoreWave.Listener() {
                    @Override
                    public void accept(StoreReceipt receipt) {
                        stored.accept(receipt.record().key().target());
                        sink.next(receipt);
                    }

                    @Override
                    public void acknowledged() {
                        sink.complete();
                    }

                    @Override
                    public void settled() {
                        copies.end();
                    }
                });
        copies.of(wave);
        sink.onCancel(() -> {
            if (!wave.isAcknowledged()) {
                copies.end();
            }
        });
        if (!sink.isCancelled() && !copies.isDisposed()) {
            wave.start();
        }
    }

    /** Completes when the copies that are being made now are made, or given up. */
    Mono<Void> finished() {
        return Mono.defer(() -> Mono.when(
                unfinished.stream().map(copies -> copies.ended.asMono()).toList()));
    }

    /** Who may keep a record, nearest first: this node among them if it serves others. */
    private List<Contact> keepers(NodeId target, List<Contact> others) {
        List<Contact> keepers = new ArrayList<>(others);
        if (!node.isClientOnly()) {
            keepers.add(new Contact(node.self(), List.of()));
            keepers.sort(target.nearestFirst());
        }
        return keepers;
    }

    @Override
    public Mono<List<Contact>> search(DhtKey key) {
        NodeId target = key.target();
        return node.look(LookupRequest.ofNodes(target, width())).map(found -> keepers(target, found.closest()));
    }

    @Override
    public Mono<StoreReply> store(Contact to, StoreRequest request) {
        if (to.id().equals(node.self())) {
            return local.store(request);
        }
        return node.rpc()
                .store(to, request)
                .map(Answer::reply)
                .onErrorResume(
                        RpcException.class,
                        error -> node.loop()
                                .call(() -> {
                                    node.peers().failed(to, error);
                                    return error;
                                })
                                .then(Mono.empty()));
    }

    @Override
    public void dispose() {
        disposed = true;
        unfinished.forEach(Copies::end);
    }

    /** The copies of one wave, until they are made or given up. */
    private final class Copies {

        private final Disposable.Swap wave = Disposables.swap();
        private final Sinks.Empty<Void> ended = Sinks.empty();

        void of(StoreWave begun) {
            wave.update(begun);
            unfinished.add(this);
            if (disposed) {
                end();
            }
        }

        void end() {
            wave.dispose();
            unfinished.remove(this);
            ended.tryEmitEmpty();
        }

        boolean isDisposed() {
            return wave.isDisposed();
        }
    }
}
