package dev.hivemind.launcher;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.moe.client.CallPolicy;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.gating.GridMismatchException;
import dev.hivemind.moe.mixture.ExpertSearch;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/** A peer that hosts nothing: it knows an address of the swarm, and calls experts. */
final class SwarmClient implements AutoCloseable {

    private static final Duration START_TIMEOUT = Duration.ofSeconds(30);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);
    private static final int JOIN_ATTEMPTS = 4;
    private static final Duration FIRST_PAUSE = Duration.ofMillis(300);
    private static final Duration POLL_INTERVAL = Duration.ofMillis(100);

    private final PeerNode node;
    private final DhtNode dht;
    private final ExpertClient experts;

    private SwarmClient(PeerNode node, DhtNode dht, ExpertClient experts) {
        this.node = node;
        this.dht = dht;
        this.experts = experts;
    }

    /**
     * Joins the DHT of whoever answers at the address; tries again for a while if nobody does.
     *
     * @param calls how experts are called
     */
    static SwarmClient join(PeerAddress address, CallPolicy calls) {
        PeerNode node = PeerNode.builder().build();
        return node.start()
                .then(Mono.defer(() -> enterDht(node, address))
                        .retryWhen(Retry.backoff(JOIN_ATTEMPTS, FIRST_PAUSE)
                                .filter(PeerUnavailableException.class::isInstance)
                                .onRetryExhaustedThrow((policy, signal) -> signal.failure())))
                .map(dht -> new SwarmClient(node, dht, ExpertClient.create(node, new ExpertDirectory(dht), calls)))
                .onErrorResume(error -> node.close().then(Mono.error(error)))
                .blockOptional(START_TIMEOUT)
                .orElseThrow();
    }

    /** Joins nothing: for work that needs no experts. */
    static SwarmClient alone() {
        PeerNode node = PeerNode.builder().build();
        DhtNode dht = DhtNode.builder(node).build();
        return new SwarmClient(node, dht, ExpertClient.create(node, new ExpertDirectory(dht)));
    }

    private static Mono<DhtNode> enterDht(PeerNode node, PeerAddress address) {
        DhtNode dht = DhtNode.builder(node).initialPeers(List.of(address)).build();
        return dht.start().onErrorResume(error -> dht.close().then(Mono.error(error)));
    }

    PeerNode node() {
        return node;
    }

    ExpertClient experts() {
        return experts;
    }

    /** Waits until the DHT knows so many experts of a grid. */
    void awaitExperts(ExpertGrid grid, int count, Duration timeout) {
        Mono.defer(() -> ExpertSearch.create(experts, grid).best(new float[grid.scores()], count))
                .filter(found -> found.get(0).size() >= count)
                .onErrorComplete(PeerUnavailableException.class)
                .onErrorMap(
                        GridMismatchException.class, error -> new LauncherException(String.valueOf(error.getMessage())))
                .repeatWhenEmpty(empty -> empty.concatMap(attempt -> Mono.delay(POLL_INTERVAL)))
                .timeout(
                        timeout,
                        Mono.error(() -> new LauncherException(
                                "The DHT did not learn of %d experts in %s within %d s. Try again on a quieter machine."
                                        .formatted(count, grid, timeout.toSeconds()))))
                .block();
    }

    @Override
    public void close() {
        experts.dispose();
        dht.close().then(node.close()).block(CLOSE_TIMEOUT);
    }
}
