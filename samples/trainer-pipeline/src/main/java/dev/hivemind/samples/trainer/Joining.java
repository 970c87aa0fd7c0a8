package dev.hivemind.samples.trainer;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import java.util.function.BiConsumer;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/** The way into a swarm, before whose door one may have to wait: servers take their time to start. */
final class Joining {

    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final PeerNode node;
    private final PeerAddress server;
    private final Duration patience;
    private final BiConsumer<PeerUnavailableException, Duration> waiting;

    /**
     * A way in.
     *
     * @param node that joins, started
     * @param server that is asked
     * @param patience from the first failure until there are no more attempts; zero for one attempt
     * @param waiting told before each wait why, and how long is left
     */
    Joining(
            PeerNode node,
            PeerAddress server,
            Duration patience,
            BiConsumer<PeerUnavailableException, Duration> waiting) {
        this.node = node;
        this.server = server;
        this.patience = patience;
        this.waiting = waiting;
    }

    /** The node in the DHT; {@link PeerUnavailableException} when patience is over. */
    Mono<DhtNode> join() {
        return Mono.defer(() -> {
            var countdown = new Countdown();
            return Mono.defer(this::attempt).retryWhen(Retry.from(countdown::after));
        });
    }

    /** One that failed is no more of use. */
    private Mono<DhtNode> attempt() {
        DhtNode dht = DhtNode.builder(node).initialPeers(List.of(server)).build();
        return dht.start().onErrorResume(error -> dht.close().then(Mono.error(error)));
    }

    /** From the first failure on. */
    private final class Countdown {

        private long beganNanos;

        Flux<Long> after(Flux<Retry.RetrySignal> failures) {
            return failures.concatMap(signal -> pause(signal.failure(), signal.totalRetries() == 0), 0);
        }

        private Mono<Long> pause(Throwable failure, boolean isFirst) {
            beganNanos = isFirst ? System.nanoTime() : beganNanos;
            Duration left = patience.minusNanos(System.nanoTime() - beganNanos);
            if (!(failure instanceof PeerUnavailableException nobody) || left.isNegative() || left.isZero()) {
                return Mono.error(failure);
            }
            waiting.accept(nobody, left);
            return Mono.delay(PAUSE.compareTo(left) < 0 ? PAUSE : left);
        }
    }
}
