package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupRequest;
import dev.hivemind.dht.routing.RoutingTable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Keeps a node a member of the DHT. */
final class Membership {

    /** With fewer contacts than this, a node may be one of a few that a partition left together. */
    private static final int FEW = 8;

    private final NodeParts node;
    private final Bootstrap bootstrap;
    private final ContactFile file;

    Membership(NodeParts node, Bootstrap bootstrap, ContactFile file) {
        this.file = file;
        this.node = node;
        this.bootstrap = bootstrap;
    }

    /** Meets the initial peers, and through them the node's neighbours. */
    Mono<Void> join() {
        return recall().then(Mono.defer(bootstrap::run))
                .flatMap(contacts -> node.loop().call(() -> {
                    contacts.forEach(node.peers()::answered);
                    return contacts.size();
                }))
                .filter(met -> met > 0)
                .flatMap(met -> lookAround());
    }

    private Mono<Void> recall() {
        return file.path() == null
                ? Mono.empty()
                : Mono.<Void>fromRunnable(() -> bootstrap.remember(file.read()))
                        .subscribeOn(Schedulers.boundedElastic());
    }

    /** Remembers the contacts for the next run. */
    Mono<Void> save() {
        return file.path() == null
                ? Mono.empty()
                : node.loop()
                        .call(() -> node.peers().table().closest(node.self(), ContactFile.MAX_CONTACTS))
                        .publishOn(Schedulers.boundedElastic())
                        .doOnNext(file::write)
                        .then();
    }

    /**
     * Meets one of the initial peers again, or one that was lost of late. If the table does not know it, perhaps since a
     * partition, or knows few at all, its neighbours are met as well.
     */
    Mono<Void> knock() {
        return Mono.defer(() -> bootstrap.runOnce(node.peers().lost()))
                .flatMap(contact -> node.loop().call(() -> {
                    RoutingTable table = node.peers().table();
                    boolean worthIt = !table.contains(contact.id()) || table.size() < FEW;
                    node.peers().answered(contact);
                    return worthIt;
                }))
                .filter(worthIt -> worthIt)
                .flatMap(worthIt -> lookAround());
    }

    private Mono<Void> lookAround() {
        return node.look(LookupRequest.ofNodes(node.self(), node.config().bucketSize()))
                .then();
    }

    /** A node that has lost all its contacts begins anew. */
    Mono<Void> rejoinIfAlone() {
        return node.loop()
                .call(() -> node.peers().table().size() == 0)
                .filter(alone -> alone && !node.config().initialPeers().isEmpty())
                .flatMap(alone -> join());
    }
}
