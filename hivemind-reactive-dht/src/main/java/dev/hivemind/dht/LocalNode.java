package dev.hivemind.dht;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.DhtHandler;
import dev.hivemind.dht.rpc.FindReply;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.dht.rpc.FindResult;
import dev.hivemind.dht.rpc.Pong;
import dev.hivemind.dht.rpc.StoreReply;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.rpc.WatchRequest;
import dev.hivemind.dht.storage.Authenticity;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.Inspection;
import dev.hivemind.dht.storage.Lifetimes;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.dht.storage.RecordStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/** Answers other nodes from this node's table and store. Thread-safe: hops onto the node's loop. */
final class LocalNode implements DhtHandler, Disposable {

    /** Records are taken in by twice as many peers as a lookup for them ends with, since tables differ. */
    private static final int KEEPERS = 2;

    private final NodeParts node;
    private final PathCache cache;
    private final NodeLoop loop;
    private final PeerBook peers;
    private final RecordStore store;
    private final Lifetimes lifetimes;
    private final Authenticity authenticity;
    private final Scheduler worker;
    private final int contactsPerResult;
    private final int keepers;
    private final Watchers watchers;

    LocalNode(NodeParts node, PathCache cache, Authenticity authenticity, Scheduler worker) {
        this.node = node;
        this.cache = cache;
        this.authenticity = authenticity;
        this.worker = worker;
        this.loop = node.loop();
        this.peers = node.peers();
        this.store = node.store();
        this.lifetimes = node.lifetimes();
        this.contactsPerResult = Math.min(node.config().bucketSize(), FindResult.MAX_CONTACTS);
        this.watchers = new Watchers(node.self(), loop, store, worker);
        this.keepers =
                KEEPERS * Math.max(node.config().bucketSize(), node.config().replicas());
    }

    @Override
    public Mono<Pong> ping(Contact caller) {
        return loop.call(() -> {
            peers.met(caller);
            return new Pong(lifetimes.now());
        });
    }

    @Override
    public Mono<FindReply> find(Contact caller, FindRequest request) {
        return loop.call(() -> {
            peers.met(caller);
            List<FindResult> results = new ArrayList<>(request.targets().size());
            for (NodeId target : request.targets()) {
                results.add(find(caller, target, request.values()));
            }
            return new FindReply(results);
        });
    }

    private FindResult find(Contact caller, NodeId target, boolean values) {
        return new FindResult(
                peers.table().closestResponsive(target, contactsPerResult, caller.id()),
                values ? node.known(target) : null);
    }

    /** A large value takes long to encode, so that happens elsewhere. */
    @Override
    public Flux<DhtValue> watch(Contact caller, WatchRequest request) {
        return watchers.watch(caller.id(), request)
                .concatMap(value -> Mono.just(value).publishOn(worker), 0);
    }

    /** What the node itself is told of changes, like any other. */
    Flux<DhtValue> watch(WatchRequest request) {
        return watchers.watch(node.self(), request);
    }

    /** Tells no watcher any more. */
    @Override
    public void dispose() {
        watchers.dispose();
    }

    /** Looks where records lie before it looks at their signatures, which takes far longer. */
    @Override
    public Mono<StoreReply> store(Contact caller, StoreRequest request) {
        if (isTrusted(request)) {
            return loop.call(() -> accept(request, tooFar(caller, request)));
        }
        return loop.call(() -> tooFar(caller, request))
                .flatMap(refusals -> inspect(request, refusals))
                .flatMap(refusals -> loop.call(() -> accept(request, refusals)));
    }

    /** Keeps records that this very node stores. */
    Mono<StoreReply> store(StoreRequest request) {
        return inspect(request, Map.of()).flatMap(refusals -> loop.call(() -> put(request, refusals)));
    }

    private boolean isTrusted(StoreRequest request) {
        return request.records().stream().allMatch(record -> authenticity.trusts(record.body()));
    }

    /**
     * Whoever stores asks those nearest, and would find them; what lies elsewhere nobody looks for. Hints are welcome
     * wherever a search comes by.
     */
    private Map<Integer, PutResult> tooFar(Contact caller, StoreRequest request) {
        peers.met(caller);
        Map<DhtKey, Boolean> near = new HashMap<>();
        Map<Integer, PutResult> refusals = new HashMap<>();
        for (int i = 0; i < request.records().size() && !request.cached(); i++) {
            DhtKey key = request.records().get(i).key();
            if (!near.computeIfAbsent(key, any -> peers.table().isAmongNearest(any.target(), keepers))) {
                refusals.put(i, PutResult.TOO_FAR);
            }
        }
        return refusals;
    }

    /** Why records are not welcome, by their index: those refused already, and those that are not authentic. */
    private Mono<Map<Integer, PutResult>> inspect(StoreRequest request, Map<Integer, PutResult> refused) {
        return Mono.fromCallable(() -> {
                    Inspection inspection = authenticity.inspection();
                    Map<Integer, PutResult> refusals = new HashMap<>(refused);
                    for (int i = 0; i < request.records().size(); i++) {
                        DhtRecord record = request.records().get(i);
                        PutResult refusal =
                                refused.containsKey(i) ? null : inspection.refusal(record.place(), record.body());
                        if (refusal != null) {
                            refusals.put(i, refusal);
                        }
                    }
                    return refusals;
                })
                .subscribeOn(worker);
    }

    private StoreReply accept(StoreRequest request, Map<Integer, PutResult> refusals) {
        return request.cached() ? copy(request, refusals) : put(request, refusals);
    }

    /** Copies take no room from what belongs here. */
    private StoreReply copy(StoreRequest request, Map<Integer, PutResult> refusals) {
        List<PutResult> results = new ArrayList<>();
        for (int i = 0; i < request.records().size(); i++) {
            PutResult refusal = refusals.get(i);
            boolean copied = refusal == null && cache.hint(request.records().get(i));
            results.add(refusal != null ? refusal : copied ? PutResult.STORED : PutResult.STALE);
        }
        return new StoreReply(results);
    }

    private StoreReply put(StoreRequest request, Map<Integer, PutResult> refusals) {
        List<DhtRecord> welcome = new ArrayList<>();
        for (int i = 0; i < request.records().size(); i++) {
            if (!refusals.containsKey(i)) {
                welcome.add(request.records().get(i));
            }
        }
        Iterator<PutResult> stored = store.putAll(welcome).iterator();
        List<PutResult> results = new ArrayList<>();
        for (int i = 0; i < request.records().size(); i++) {
            PutResult refusal = refusals.get(i);
            results.add(refusal != null ? refusal : stored.next());
        }
        watchers.changed(stored(request, results));
        return new StoreReply(results);
    }

    private static Set<NodeId> stored(StoreRequest request, List<PutResult> results) {
        Set<NodeId> targets = new HashSet<>();
        for (int i = 0; i < results.size(); i++) {
            if (results.get(i) == PutResult.STORED) {
                targets.add(request.records().get(i).key().target());
            }
        }
        return targets;
    }
}
