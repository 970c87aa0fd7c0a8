package dev.hivemind.rsocket;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.RpcTransientException;
import dev.hivemind.rsocket.frame.Deadline;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * How often and when a call is repeated: after {@link RpcTransientException}s alone, with a pause that doubles, and never
 * beyond the call's deadline. The request is sent as it is, with the same call id, so that an operation that changes
 * state takes effect once:
 *
 * <pre>{@code
 * node.connect(peer, addresses)
 *         .flatMap(connection -> connection.request(request))
 *         .retryWhen(RetryPolicy.DEFAULT.until(request.header().deadline()))
 * }</pre>
 *
 * @param maxAttempts how often the call is sent at most, the first time included; default 3
 * @param firstPause before the second attempt; default 100 ms
 * @param maxPause that doubling ends at; default 5 s
 * @param jitter which part of a pause is left to chance, from 0 to 1, so that callers do not come back together;
 *     default 0.5
 */
public record RetryPolicy(int maxAttempts, Duration firstPause, Duration maxPause, double jitter) {

    /** Three attempts, after 100 and 200 ms, half of which is left to chance. */
    public static final RetryPolicy DEFAULT = new RetryPolicy(3, Duration.ofMillis(100), Duration.ofSeconds(5), 0.5);

    private static final int MAX_DOUBLINGS = 30;

    /** @throws IllegalArgumentException if a value is out of its bounds */
    public RetryPolicy {
        requireNonNull(firstPause, "firstPause");
        requireNonNull(maxPause, "maxPause");
        require(maxAttempts >= 1, "maxAttempts is at least 1");
        require(!firstPause.isNegative(), "firstPause is not negative");
        require(maxPause.compareTo(firstPause) >= 0, "maxPause is at least firstPause");
        require(maxPause.compareTo(Deadline.MAX) <= 0, "maxPause is at most " + Deadline.MAX);
        require(jitter >= 0 && jitter <= 1, "jitter lies between 0 and 1");
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    /** The same policy with another number of attempts. */
    public RetryPolicy withMaxAttempts(int attempts) {
        return new RetryPolicy(attempts, firstPause, maxPause, jitter);
    }

    /**
     * For {@link Mono#retryWhen}. Whoever refused the call for want of room is left alone for at least the time that it
     * asked for. When nothing is left to try, the last error is emitted as it is.
     *
     * <p>Thread: attempts after the first begin on Reactor's parallel scheduler.
     *
     * @param deadline of the call; a pause that would reach it is not begun
     */
    public Retry until(Deadline deadline) {
        requireNonNull(deadline, "deadline");
        return new Retry() {
            @Override
            public Publisher<Long> generateCompanion(Flux<RetrySignal> failures) {
                return failures.concatMap(failure -> pause(failure.failure(), failure.totalRetries(), deadline));
            }
        };
    }

    private Mono<Long> pause(Throwable failure, long retries, Deadline deadline) {
        if (!(failure instanceof RpcTransientException) || retries + 1 >= maxAttempts) {
            return Mono.error(failure);
        }
        Duration pause =
                pauseAfter(failure, retries, ThreadLocalRandom.current().nextDouble());
        return pause.compareTo(deadline.remaining()) < 0 ? Mono.delay(pause) : Mono.error(failure);
    }

    /** {@code chance} lies between 0 and 1. */
    Duration pauseAfter(Throwable failure, long retries, double chance) {
        long nanos = firstPause.toNanos();
        for (long doubling = 0; doubling < Math.min(retries, MAX_DOUBLINGS) && nanos < maxPause.toNanos(); doubling++) {
            nanos *= 2;
        }
        double bounded = Math.min(nanos, maxPause.toNanos());
        Duration pause = Duration.ofNanos((long) (bounded * (1 - jitter * chance)));
        return failure instanceof OverloadedException refusal
                ? refusal.retryAfter().plus(pause)
                : pause;
    }
}
