package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupRequest;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.lookup.LookupRunner;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.DhtTransport;
import dev.hivemind.dht.storage.Lifetimes;
import dev.hivemind.dht.storage.RecordStore;
import dev.hivemind.rsocket.error.PeerUnavailableException;
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
        LookupRunner lookups) {

    NodeId self() {
        return NodeId.of(transport.identity().id());
    }

    boolean isClientOnly() {
        return transport.addresses().isEmpty();
    }

    Mono<LookupResult> look(LookupRequest request) {
        return lookups.run(request, () -> peers.table().closest(request.target(), request.width()));
    }

    static PeerUnavailableException nobody() {
        return new PeerUnavailableException("No peer of the DHT answers");
    }
}
