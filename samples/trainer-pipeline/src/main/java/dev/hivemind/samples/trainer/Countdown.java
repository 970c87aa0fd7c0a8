package dev.hivemind.samples.trainer;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.time.Duration;
import java.util.function.BiConsumer;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/** Tries again, a second later, what failed because peers are missing, until patience is over. */
public final class Countdown extends Retry {

    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final Duration patience;
    private final BiConsumer<PeerUnavailableException, Duration> waiting;

    private Countdown(Duration patience, BiConsumer<PeerUnavailableException, Duration> waiting) {
        this.patience = requireNonNull(patience, "patience");
        this.waiting = requireNonNull(waiting, "waiting");
    }

    /**
     * For {@code retryWhen}.
     *
     * @param patience from the first failure until there are no more attempts; zero for one attempt
     * @param waiting told before each wait why, and how long is left
     */
    public static Countdown of(Duration patience, BiConsumer<PeerUnavailableException, Duration> waiting) {
        return new Countdown(patience, waiting);
    }

    @Override
    public Publisher<Long> generateCompanion(Flux<RetrySignal> failures) {
        return failures.switchOnFirst((first, all) -> pauses(all, System.nanoTime()));
    }

    private Flux<Long> pauses(Flux<RetrySignal> failures, long beganNanos) {
        return failures.concatMap(signal -> pause(signal.failure(), beganNanos), 0);
    }

    private Mono<Long> pause(Throwable failure, long beganNanos) {
        Duration left = patience.minusNanos(System.nanoTime() - beganNanos);
        if (!(failure instanceof PeerUnavailableException nobody) || left.isNegative() || left.isZero()) {
            return Mono.error(failure);
        }
        waiting.accept(nobody, left);
        return Mono.delay(PAUSE.compareTo(left) < 0 ? PAUSE : left);
    }
}
