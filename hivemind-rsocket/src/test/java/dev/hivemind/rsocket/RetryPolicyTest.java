package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.Deadline;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

class RetryPolicyTest {

    private static final RetryPolicy EXACT = new RetryPolicy(4, Duration.ofSeconds(1), Duration.ofSeconds(3), 0);
    private static final Duration NONE = Duration.ofMillis(1);

    private final AtomicInteger attempts = new AtomicInteger();
    private final Deadline far = Deadline.after(Duration.ofHours(1));

    private Mono<Integer> failing(int times, RuntimeException error) {
        return Mono.defer(() -> attempts.incrementAndGet() <= times ? Mono.error(error) : Mono.just(attempts.get()));
    }

    @Test
    void retry_afterTransientErrors_waitsTwiceAsLongEachTime() {
        StepVerifier.withVirtualTime(
                        () -> failing(3, new PeerUnavailableException("gone")).retryWhen(EXACT.until(far)))
                .expectSubscription()
                .expectNoEvent(Duration.ofSeconds(1 + 2 + 3).minus(NONE))
                .thenAwait(NONE)
                .expectNext(4)
                .verifyComplete();
    }

    @Test
    void retry_whenAttemptsAreUsedUp_emitsTheLastError() {
        var error = new PeerUnavailableException("gone");

        StepVerifier.withVirtualTime(() -> failing(9, error).retryWhen(EXACT.until(far)))
                .thenAwait(Duration.ofMinutes(1))
                .verifyErrorSatisfies(last -> assertThat(last).isSameAs(error));
        assertThat(attempts).hasValue(4);
    }

    @Test
    void retry_afterANonTransientError_doesNotRepeat() {
        StepVerifier.create(failing(1, new ExpertFailedException("odd")).retryWhen(EXACT.until(far)))
                .verifyError(ExpertFailedException.class);
        assertThat(attempts).hasValue(1);
    }

    @Test
    void retry_afterAForeignError_doesNotRepeat() {
        StepVerifier.create(failing(1, new IllegalStateException("bug")).retryWhen(EXACT.until(far)))
                .verifyError(IllegalStateException.class);
        assertThat(attempts).hasValue(1);
    }

    @Test
    void retry_whosePauseWouldReachTheDeadline_failsAtOnce() {
        var soon = Deadline.after(Duration.ofMillis(500));

        StepVerifier.create(failing(1, new PeerUnavailableException("gone")).retryWhen(EXACT.until(soon)))
                .verifyError(PeerUnavailableException.class);
        assertThat(attempts).hasValue(1);
    }

    @Test
    void retry_afterOverload_leavesThePeerAloneForTheTimeItAskedFor() {
        var full = new OverloadedException("full", Duration.ofSeconds(10));

        StepVerifier.withVirtualTime(() -> failing(1, full).retryWhen(EXACT.until(far)))
                .expectSubscription()
                .expectNoEvent(Duration.ofSeconds(11).minus(NONE))
                .thenAwait(NONE)
                .expectNext(2)
                .verifyComplete();
    }

    @Test
    void retry_cancelledDuringAPause_doesNotRepeat() {
        StepVerifier.withVirtualTime(
                        () -> failing(3, new PeerUnavailableException("gone")).retryWhen(EXACT.until(far)))
                .thenAwait(Duration.ofMillis(500))
                .thenCancel()
                .verify();
        assertThat(attempts).hasValue(1);
    }

    @Test
    void pauseAfter_withJitter_liesWithinItsPart() {
        var policy = new RetryPolicy(4, Duration.ofSeconds(1), Duration.ofSeconds(3), 0.5);
        var error = new PeerUnavailableException("gone");

        assertThat(policy.pauseAfter(error, 0, 0)).isEqualTo(Duration.ofSeconds(1));
        assertThat(policy.pauseAfter(error, 0, 1)).isEqualTo(Duration.ofMillis(500));
        assertThat(policy.pauseAfter(error, Long.MAX_VALUE, 0)).isEqualTo(Duration.ofSeconds(3));
    }

    @Test
    void create_outOfBounds_isRefused() {
        assertThatThrownBy(() -> EXACT.withMaxAttempts(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new RetryPolicy(1, Duration.ofSeconds(2), Duration.ofSeconds(1), 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new RetryPolicy(1, Duration.ZERO, Duration.ofSeconds(1), 1.1))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
