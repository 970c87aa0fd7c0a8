package dev.hivemind.dashboard.swarm;

import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.NodeEventMessage;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Addresses at which the swarm may be entered: those that were given, and the latest of which trainers say that they entered
 * there. Used on the collector's thread.
 */
final class Entrances {

    /** Addresses remembered from trainers; the oldest is forgotten first. */
    static final int MAX_TOLD = 16;

    private static final int MAX_OF_ONE_EVENT = 4;

    private final List<PeerAddress> given;
    private final Deque<PeerAddress> told = new ArrayDeque<>();
    private final Sinks.Many<PeerAddress> news = Sinks.many().multicast().directBestEffort();

    Entrances(List<PeerAddress> given) {
        this.given = given;
    }

    /** The latest told first: where somebody trains now, there is a swarm. */
    List<PeerAddress> all() {
        List<PeerAddress> all = new ArrayList<>(told);
        all.addAll(given);
        return all;
    }

    /** The one that people know. */
    PeerAddress first() {
        return given.get(0);
    }

    /** Completes when there is a new one. */
    Mono<Void> change() {
        return news.asFlux().next().then();
    }

    /** Takes note of what a trainer says. */
    void reported(EventMessage event) {
        NodeEventMessage node = event.getNode();
        if (node.getKind() == NodeEventMessage.Kind.KIND_PEER_CONNECTED) {
            node.getAddressesList().stream().limit(MAX_OF_ONE_EVENT).forEach(this::add);
        }
    }

    private void add(String text) {
        PeerAddress address;
        try {
            address = PeerAddress.parse(text);
        } catch (IllegalArgumentException malformed) {
            return;
        }
        if (address.port() == 0 || given.contains(address)) {
            return;
        }
        boolean known = told.remove(address);
        told.addFirst(address);
        if (told.size() > MAX_TOLD) {
            told.removeLast();
        }
        if (!known) {
            news.tryEmitNext(address);
        }
    }
}
