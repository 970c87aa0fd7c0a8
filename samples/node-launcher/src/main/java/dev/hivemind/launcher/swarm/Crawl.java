package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.FindReply;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.rsocket.error.RpcException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Visits whoever can be reached from some nodes, asking each for the contacts in sixteen directions from it, so that all
 * ranges of its table come up in which there are any. Wave follows wave until one names nobody new.
 */
final class Crawl {

    private static final int VISITS_AT_ONCE = 16;
    private static final int MAX_PEERS = 100_000;

    private final DhtRpc rpc;
    private final Set<NodeId> known = new HashSet<>();

    Crawl(DhtRpc rpc) {
        this.rpc = rpc;
    }

    /** A visit to each node, those first that the first ones know. To be subscribed to once. */
    Flux<Visit> from(List<Contact> entrances) {
        return wave(strangers(entrances));
    }

    private Flux<Visit> wave(List<Contact> peers) {
        if (peers.isEmpty()) {
            return Flux.empty();
        }
        List<Contact> next = new ArrayList<>();
        return Flux.fromIterable(peers)
                .flatMap(this::visit, VISITS_AT_ONCE)
                .doOnNext(visit -> next.addAll(strangers(visit.named())))
                .concatWith(Flux.defer(() -> wave(next)));
    }

    private List<Contact> strangers(List<Contact> named) {
        return named.stream()
                .filter(peer -> !peer.isClientOnly() && known.size() < MAX_PEERS && known.add(peer.id()))
                .toList();
    }

    private Mono<Visit> visit(Contact peer) {
        long start = System.nanoTime();
        return rpc.find(peer, new FindRequest(directions(peer.id()), false))
                .map(answer -> new Visit(peer, true, since(start), named(answer.reply())))
                .onErrorResume(RpcException.class, gone -> Mono.just(new Visit(peer, false, since(start), List.of())));
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

    /**
     * One node, visited.
     *
     * @param named the contacts that it named
     */
    record Visit(Contact peer, boolean answers, Duration took, List<Contact> named) {

        /** How many different nodes it named. */
        long knows() {
            return named.stream().map(Contact::id).distinct().count();
        }
    }
}
