package dev.hivemind.dht;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;

/**
 * Gives newcomers the records that they ought to keep. Of those who keep a record, the one nearest to it does so, unless
 * the newcomer lies farther away than all who ought to keep it. Confined to the node's loop.
 */
final class HandOff implements Disposable {

    private static final Logger LOG = LoggerFactory.getLogger(HandOff.class);

    /** The most keys that one newcomer is given, those nearest to this node first. */
    private static final int MAX_KEYS = 1_024;

    /** How many newcomers are given records at once; others wait for the owners to store again. */
    private static final int MAX_NEWCOMERS = 16;

    private final NodeParts node;
    private final DhtRpc rpc;
    private final Disposable.Composite underWay = Disposables.composite();

    HandOff(NodeParts node) {
        this.node = node;
        this.rpc = node.rpc();
    }

    /** A peer is in the table that was not before. */
    void met(Contact newcomer) {
        if (node.store().isEmpty() || underWay.size() >= MAX_NEWCOMERS || underWay.isDisposed()) {
            return;
        }
        int bits = node.peers()
                .table()
                .neighbourhoodBits(newcomer.id(), node.config().replicas());
        List<DhtRecord> records = node.store().keysAround(newcomer.id(), bits, MAX_KEYS).stream()
                .filter(key -> isDue(key, newcomer))
                .flatMap(key -> node.store().records(key).stream())
                .toList();
        if (!records.isEmpty()) {
            give(newcomer, records);
        }
    }

    private boolean isDue(DhtKey key, Contact newcomer) {
        NodeId target = key.target();
        int replicas = node.config().replicas();
        List<Contact> others = new ArrayList<>(node.peers().table().closest(target, replicas + 1));
        others.removeIf(contact -> contact.id().equals(newcomer.id()));
        if (others.isEmpty()) {
            return true;
        }
        boolean mine = target.compareDistance(node.self(), others.get(0).id()) < 0;
        int keepers = Math.min(replicas - 1, others.size());
        boolean theirs = keepers < replicas - 1
                || keepers == 0
                || target.compareDistance(newcomer.id(), others.get(keepers - 1).id()) < 0;
        return mine && theirs;
    }

    private void give(Contact newcomer, List<DhtRecord> records) {
        Disposable.Swap slot = Disposables.swap();
        underWay.add(slot);
        List<StoreRequest> requests =
                Batches.of(records).stream().map(StoreRequest::new).toList();
        slot.update(Flux.fromIterable(requests)
                .concatMap(request -> rpc.store(newcomer, request), 1)
                .doFinally(ended -> underWay.remove(slot))
                .subscribe(
                        stored -> {},
                        error -> LOG.debug("{} was not given its records: {}", newcomer, error.getMessage())));
    }

    @Override
    public void dispose() {
        underWay.dispose();
    }
}
