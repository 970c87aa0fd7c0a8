package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.DhtTransport;
import dev.hivemind.dht.rpc.EncodedDhtRpc;
import dev.hivemind.dht.rpc.RSocketDhtTransport;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** A peer that listens nowhere: it asks some questions, and leaves. Blocks the thread that uses it. */
final class Visitor implements AutoCloseable {

    /** How long one question to one peer may take, dialling included. */
    static final Duration CALL_TIMEOUT = Duration.ofSeconds(5);

    private static final Duration JOIN_TIMEOUT = Duration.ofSeconds(30);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(2);

    private final PeerNode node = PeerNode.builder().build();
    private final DhtTransport transport = new RSocketDhtTransport(node);

    /** A connection to whoever listens at an address. */
    PeerConnection connect(PeerAddress address) {
        return Entrance.through(List.of(address), () -> await(node.connect(address), CALL_TIMEOUT.multipliedBy(2)));
    }

    PeerNode node() {
        return node;
    }

    DhtTransport transport() {
        return transport;
    }

    /** Questions to single nodes of the DHT. */
    DhtRpc rpc() {
        return new EncodedDhtRpc(transport, CALL_TIMEOUT, Schedulers.parallel());
    }

    /** The DHT of whoever answers at one of the addresses. */
    DhtNode join(List<PeerAddress> initialPeers) {
        DhtNode dht = DhtNode.builder(node).initialPeers(initialPeers).build();
        return Entrance.through(initialPeers, () -> await(node.start().then(dht.start()), JOIN_TIMEOUT));
    }

    ExpertDirectory directory(List<PeerAddress> initialPeers) {
        return new ExpertDirectory(join(initialPeers));
    }

    static <T> T await(Mono<T> result, Duration timeout) {
        return result.blockOptional(timeout).orElseThrow();
    }

    @Override
    public void close() {
        node.close().timeout(CLOSE_TIMEOUT, Mono.empty()).block();
    }
}
