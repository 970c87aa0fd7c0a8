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
import dev.hivemind.dht.storage.Lifetimes;
import dev.hivemind.dht.storage.RecordStore;
import reactor.core.publisher.Mono;

/** Answers other nodes from this node's table and store. Thread-safe: hops onto the node's loop. */
final class LocalNode implements DhtHandler {

    private final NodeLoop loop;
    private final PeerBook peers;
    private final RecordStore store;
    private final Lifetimes lifetimes;
    private final int contactsPerResult;

    LocalNode(NodeParts node) {
        this.loop = node.loop();
        this.peers = node.peers();
        this.store = node.store();
        this.lifetimes = node.lifetimes();
        this.contactsPerResult = Math.min(node.config().bucketSize(), FindResult.MAX_CONTACTS);
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
            return new FindReply(request.targets().stream()
                    .map(target -> find(caller, target, request.values()))
                    .toList());
        });
    }

    private FindResult find(Contact caller, NodeId target, boolean values) {
        return new FindResult(
                peers.table().closestResponsive(target, contactsPerResult, caller.id()),
                values ? store.get(target) : null);
    }

    @Override
    public Mono<StoreReply> store(Contact caller, StoreRequest request) {
        return loop.call(() -> {
            peers.met(caller);
            return put(request);
        });
    }

    /** Keeps records that this very node stores. */
    Mono<StoreReply> store(StoreRequest request) {
        return loop.call(() -> put(request));
    }

    private StoreReply put(StoreRequest request) {
        return new StoreReply(store.putAll(request.records()));
    }
}
