package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.identity.PeerIdentity;
import io.rsocket.Payload;
import io.rsocket.RSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

/** Errors of what has ended before, which Reactor would log. */
class LateErrorsTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final List<Throwable> reported = new CopyOnWriteArrayList<>();
    private final List<CoreSubscriber<?>> subscribers = new ArrayList<>();

    @BeforeEach
    void report() {
        Hooks.onErrorDropped(reported::add);
    }

    @AfterEach
    void forgetHook() {
        Hooks.resetOnErrorDropped();
    }

    @Test
    void enforce_whoseSourceFailsTooLate_keepsItToItself() {
        StepVerifier.create(Deadlines.enforce(silent(), Duration.ofMillis(1)))
                .expectError(TimeoutException.class)
                .verify(TIMEOUT);
        dropAnError();
        subscribers.get(0).onError(new IllegalStateException("later"));

        assertNothingWasReported();
    }

    @Test
    void assemble_whoseConnectionClosesAfterItWasCancelled_keepsItToItself() {
        Mono<Payload> payloads = silent();
        var assembler = new MessageAssembler(
                payloads, TestCalls.none().limits(PeerIdentity.generate().id()));

        assembler.subscribe().dispose();
        dropAnError();

        assertNothingWasReported();
    }

    @Test
    void watch_ofAConnectionThatClosesAfterItsProof_keepsItToItself() {
        Mono<Void> closed = silent();
        RSocket rsocket = new RSocket() {
            @Override
            public Mono<Void> onClose() {
                return closed;
            }
        };
        Sinks.One<PeerConnection> proven = Sinks.one();
        var unproven = new UnprovenConnections(1, TIMEOUT);

        unproven.watch(rsocket, proven.asMono());
        proven.tryEmitEmpty().orThrow();
        dropAnError();

        assertNothingWasReported();
        unproven.dispose();
    }

    @Test
    void onClose_ofAConnectionWhoseEndFailsTooLate_keepsItToItself() {
        Mono<Void> closed = silent();
        RSocket rsocket = new RSocket() {
            @Override
            public Mono<Void> onClose() {
                return closed;
            }
        };
        var activity = new LinkActivity(true, () -> false);
        var link = new Link(rsocket, new ConnectionPoolTest.OpenWindow(), activity, CallMeters.of(null));
        Hello peer = Hello.of(PeerIdentity.generate(), List.of());

        new PeerConnection(peer, link, TestCalls.none()).onClose().subscribe().dispose();
        dropAnError();

        assertNothingWasReported();
    }

    /** Emits nothing, and leaves its subscriber to the test. */
    private <T> Mono<T> silent() {
        return new Mono<>() {
            @Override
            public void subscribe(CoreSubscriber<? super T> actual) {
                subscribers.add(actual);
                actual.onSubscribe(Operators.emptySubscription());
            }
        };
    }

    /** As RSocket does with the end of a connection. */
    private void dropAnError() {
        Operators.onErrorDropped(
                new IllegalStateException("late"), subscribers.get(0).currentContext());
    }

    private void assertNothingWasReported() {
        assertThat(reported).extracting(Throwable::getMessage).doesNotContain("late", "later");
    }
}
