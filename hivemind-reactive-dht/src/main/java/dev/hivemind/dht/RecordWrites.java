package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupRequest;
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
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Stores records at the peers that ought to keep them. */
final class RecordWrites {

    /** How many keys of one batch are on their way at once. */
    private static final int MAX_STORES = 8;

    private final NodeParts node;
    private final Membership membership;
    private final LocalNode local;

    RecordWrites(NodeParts node, Membership membership, LocalNode local) {
        this.node = node;
        this.membership = membership;
        this.local = local;
    }

    Flux<StoreReceipt> storeAll(Collection<DhtRecord> records) {
        List<DhtRecord> copy = List.copyOf(records);
        Flux<StoreReceipt> receipts = Flux.defer(() -> {
            copy.forEach(node.lifetimes()::requireAcceptable);
            return Flux.fromIterable(Batches.of(copy).entrySet())
                    .flatMap(batch -> store(batch.getKey(), batch.getValue()), MAX_STORES);
        });
        return membership.rejoinIfAlone().thenMany(receipts);
    }

    private Flux<StoreReceipt> store(DhtKey key, List<StoreRequest> requests) {
        int width = Math.max(node.config().bucketSize(), node.config().replicas());
        return node.look(LookupRequest.ofNodes(key.target(), width))
                .map(result -> keepers(key.target(), result.closest()))
                .flatMapMany(keepers -> keepers.isEmpty()
                        ? Flux.error(NodeParts.nobody())
                        : Flux.fromIterable(requests)
                                .concatMap(request -> wave(request).run(keepers)));
    }

    private ReplicaWave wave(StoreRequest request) {
        return new ReplicaWave(request, node.config().replicas(), to -> send(to, request));
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

    private Mono<StoreReply> send(Contact to, StoreRequest request) {
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
}
