package dev.hivemind.dht.crawl;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.FindReply;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.rsocket.error.RpcException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Visits whoever can be reached from some nodes, asking each for the contacts in sixteen directions from it, so that all
 * ranges of its table come up in which there are any. Wave follows wave until one names nobody new. Safe for use from any
 * thread; remembers nothing from one crawl to the next.
 */
public final class Crawl {

    /** Nodes visited by one crawl unless told otherwise. */
    public static final int DEFAULT_MAX_PEERS = 100_000;

    private static final int VISITS_AT_ONCE = 16;

    private final DhtRpc rpc;
    private final int maxPeers;

    /** A crawl that asks in this way, and visits {@value #DEFAULT_MAX_PEERS} nodes at most. */
    public Crawl(DhtRpc rpc) {
        this(rpc, DEFAULT_MAX_PEERS);
    }

    /** A crawl that visits so many nodes at most; those beyond are left out. */
    public Crawl(DhtRpc rpc, int maxPeers) {
        if (maxPeers < 1) {
            throw new IllegalArgumentException("A crawl visits at least one node, not " + maxPeers);
        }
        this.rpc = requireNonNull(rpc, "rpc");
        this.maxPeers = maxPeers;
    }

    /**
     * A visit to each node, sixteen at once, those first that the first ones know. A node that does not answer, or answers
     * with an error, is a visit without an answer, not an error. Cold: every subscription crawls anew. Signals arrive on
     * the threads of the {@link DhtRpc}; cancelling gives up the visits under way.
     *
     * @param entrances where to begin; nodes that only ask are left out
     */
    public Flux<Visit> from(Collection<Contact> entrances) {
        List<Contact> copy = List.copyOf(entrances);
        return Flux.defer(() -> {
            Set<NodeId> known = new HashSet<>();
            return wave(strangers(copy, known), known);
        });
    }

    private Flux<Visit> wave(List<Contact> peers, Set<NodeId> known) {
        if (peers.isEmpty()) {
            return Flux.empty();
        }
        List<Contact> next = new ArrayList<>();
        return Flux.fromIterable(peers)
                .flatMap(this::visit, VISITS_AT_ONCE)
                .doOnNext(visit -> next.addAll(strangers(visit.named(), known)))
                .concatWith(Flux.defer(() -> wave(next, known)));
    }

    private List<Contact> strangers(List<Contact> named, Set<NodeId> known) {
        return named.stream()
                .filter(peer -> !peer.isClientOnly() && known.size() < maxPeers && known.add(peer.id()))
                .toList();
    }

    private Mono<Visit> visit(Contact peer) {
        return Mono.defer(() -> {
            long start = System.nanoTime();
            return rpc.find(peer, new FindRequest(directions(peer.id()), false))
                    .map(answer -> new Visit(peer, true, since(start), named(answer.reply())))
                    .onErrorResume(
                            RpcException.class, gone -> Mono.just(new Visit(peer, false, since(start), List.of())));
        });
    }

    private static Duration since(long start) {
        return Duration.ofNanos(System.nanoTime() - start);
    }

    /** Its own place, and places that differ from it in the first, the second, … the fifteenth bit. */
    static List<NodeId> directions(NodeId from) {
        List<NodeId> directions = new ArrayList<>(List.of(from));
        for (int bit = 0; bit < FindRequest.MAX_TARGETS - 1; bit++) {
            directions.add(
                    new NodeId(from.first() ^ (Long.MIN_VALUE >>> bit), from.second(), from.third(), from.fourth()));
        }
        return directions;
    }

    private static List<Contact> named(FindReply reply) {
        return reply.results().stream()
                .flatMap(result -> result.closest().stream())
                .distinct()
                .toList();
    }
}
