package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupRequest;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.lookup.LookupRunner;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.routing.RoutingTable;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.DhtTransport;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.Lifetimes;
import dev.hivemind.dht.storage.RecordStore;
import dev.hivemind.dht.storage.ValueCache;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * What reading, storing and upkeep of one node share.
 *
 * @param transport who the node is and where it listens
 * @param config its settings
 * @param lifetimes its clock
 * @param loop where table, store and lookups live
 * @param rpc how it asks others
 * @param peers whom it knows
 * @param store what it keeps
 * @param cache copies of what others keep
 * @param lookups how it finds others
 */
record NodeParts(
        DhtTransport transport,
        DhtConfig config,
        Lifetimes lifetimes,
        NodeLoop loop,
        DhtRpc rpc,
        PeerBook peers,
        RecordStore store,
        ValueCache cache,
        LookupRunner lookups) {

    /** The parts of a new node. */
    static NodeParts of(DhtTransport transport, DhtConfig config, Lifetimes lifetimes, NodeLoop loop, DhtRpc rpc) {
        NodeId self = NodeId.of(transport.identity().id());
        var table = new RoutingTable(self, config.bucketSize(), config.depthModulo(), loop::millis);
        var peers = new PeerBook(table, rpc, loop);
        var store = new RecordStore(self, lifetimes, config.maxRecords(), config.maxRecordBytes());
        var environment = new LookupRunner.Environment(rpc, loop.worker(), peers, config.lookups());
        var lookups = new LookupRunner(self, lifetimes, environment);
        return new NodeParts(transport, config, lifetimes, loop, rpc, peers, store, new ValueCache(lifetimes), lookups);
    }

    /** The size of the state now; called on the loop. */
    DhtSnapshot snapshot(Duration clockSkew) {
        RoutingTable table = peers.table();
        return new DhtSnapshot(table.size(), table.bucketCount(), store.recordCount(), store.sizeBytes(), clockSkew);
    }

    /** What this node keeps, or else has a copy of: who keeps a key answers with what it let in. Called on the loop. */
    @Nullable DhtValue known(NodeId target) {
        DhtValue kept = store.get(target);
        return kept == null ? cache.get(target) : kept;
    }

    NodeId self() {
        return NodeId.of(transport.identity().id());
    }

    boolean isClientOnly() {
        return transport.addresses().isEmpty();
    }

    Mono<LookupResult> look(LookupRequest request) {
        return lookups.run(request, () -> seeds(request));
    }

    /** Several at once, at least one, which travel together. */
    Flux<LookupResult> lookAll(List<LookupRequest> requests) {
        return lookups.runAll(requests, this::seeds);
    }

    /** What is found under a target, each time that it has grown. */
    Flux<DhtValue> stream(LookupRequest request) {
        return lookups.stream(request, () -> seeds(request));
    }

    private List<Contact> seeds(LookupRequest request) {
        return peers.table().closest(request.target(), Math.max(request.width(), config.bucketSize()));
    }

    static PeerUnavailableException nobody() {
        return new PeerUnavailableException("No peer of the DHT answers");
    }
}
