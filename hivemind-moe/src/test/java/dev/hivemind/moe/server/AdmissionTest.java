package dev.hivemind.moe.server;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

class AdmissionTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final Admission admission = new Admission();
    private final Sinks.One<String> answer = Sinks.one();

    @Test
    void admit_beforeTheEnd_isTheCall() {
        StepVerifier.create(admission.admit(() -> Mono.just("answer")))
                .expectNext("answer")
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void admit_afterTheEnd_sendsCallersElsewhereWithoutMakingTheCall() {
        var calls = new AtomicInteger();
        admission.stop().block(TIMEOUT);

        StepVerifier.create(admission.admit(() -> Mono.fromCallable(calls::incrementAndGet)))
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);

        Assertions.assertThat(calls).hasValue(0);
    }

    @Test
    void stop_whileACallIsUnderWay_completesWithIt() {
        StepVerifier.create(admission.admit(answer::asMono))
                .then(() -> StepVerifier.create(admission.stop())
                        .then(() -> answer.tryEmitValue("late"))
                        .expectComplete()
                        .verify(TIMEOUT))
                .expectNext("late")
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void stop_whileACallIsUnderWay_waits() {
        var call = admission.admit(answer::asMono).subscribe();

        StepVerifier.create(admission.stop())
                .expectSubscription()
                .then(() -> Assertions.assertThat(call.isDisposed()).isFalse())
                .then(call::dispose)
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void stop_afterACallThatFailedAtOnce_completes() {
        admission
                .admit(() -> {
                    throw new IllegalArgumentException("bad call");
                })
                .onErrorComplete()
                .block(TIMEOUT);

        StepVerifier.create(admission.stop()).expectComplete().verify(TIMEOUT);
    }
}
