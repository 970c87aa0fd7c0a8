package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.test.StepVerifier;

/** An error that loses against a deadline. */
class LateErrorsTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final List<Throwable> reported = new CopyOnWriteArrayList<>();
    private final List<CoreSubscriber<?>> subscribers = new ArrayList<>();

    @AfterEach
    void forgetHook() {
        Hooks.resetOnErrorDropped();
    }

    @Test
    void enforce_whoseSourceFailsTooLate_keepsItToItself() {
        Hooks.onErrorDropped(reported::add);
        Mono<String> silent = new Mono<>() {
            @Override
            public void subscribe(CoreSubscriber<? super String> actual) {
                subscribers.add(actual);
                actual.onSubscribe(Operators.emptySubscription());
            }
        };

        StepVerifier.create(Deadlines.enforce(silent, Duration.ofMillis(1)))
                .expectError(TimeoutException.class)
                .verify(TIMEOUT);
        // As RSocket does, and as the specification has it.
        Operators.onErrorDropped(
                new IllegalStateException("late"), subscribers.get(0).currentContext());
        subscribers.get(0).onError(new IllegalStateException("later"));

        assertThat(reported).extracting(Throwable::getMessage).doesNotContain("late", "later");
    }
}
