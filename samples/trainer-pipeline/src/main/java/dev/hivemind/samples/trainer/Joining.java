package dev.hivemind.samples.trainer;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import java.util.function.BiConsumer;
import reactor.core.publisher.Mono;

/** The way into a swarm, before whose door one may have to wait: servers take their time to start. */
public final class Joining {

    private final PeerNode node;
    private final List<PeerAddress> servers;
    private final Countdown countdown;

    /**
     * A way in.
     *
     * @param node that joins, started
     * @param servers that are asked; one that answers is enough
     * @param patience from the first failure until there are no more attempts; zero for one attempt
     * @param waiting told before each wait why, and how long is left
     */
    public Joining(
            PeerNode node,
            List<PeerAddress> servers,
            Duration patience,
            BiConsumer<PeerUnavailableException, Duration> waiting) {
        this.node = node;
        this.servers = List.copyOf(servers);
        this.countdown = Countdown.of(patience, waiting);
    }

    /** The node in the DHT; {@link PeerUnavailableException} when patience is over. */
    public Mono<DhtNode> join() {
        return Mono.defer(this::attempt).retryWhen(countdown);
    }

    /** One that failed is no more of use. */
    private Mono<DhtNode> attempt() {
        DhtNode dht = DhtNode.builder(node).initialPeers(servers).build();
        return dht.start().onErrorResume(error -> dht.close().then(Mono.error(error)));
    }
}
