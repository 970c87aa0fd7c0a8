package dev.hivemind.rsocket;

import static dev.hivemind.rsocket.StreamFixture.ROUTE;
import static dev.hivemind.rsocket.StreamFixture.TIMEOUT;
import static dev.hivemind.rsocket.StreamFixture.await;
import static dev.hivemind.rsocket.StreamFixture.echo;
import static dev.hivemind.rsocket.StreamFixture.request;
import static dev.hivemind.rsocket.StreamFixture.requests;
import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.frame.CallId;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

/** Calls of streams that their caller gives up, one by one. */
class GivenUpCallsTest {

    @RegisterExtension
    final StreamFixture nodes = new StreamFixture();

    @Test
    void giveUp_ofACallThatIsServed_cancelsItsHandlerAlone() {
        var cancelled = new CompletableFuture<CallId>();
        var served = new CountDownLatch(2);
        Sinks.Empty<Void> proceed = Sinks.empty();
        PeerConnection connection = nodes.connect((caller, request) -> proceed.asMono()
                .then(echo(caller, request))
                .doOnSubscribe(subscription -> served.countDown())
                .doOnCancel(() -> cancelled.complete(request.header().callId())));
        List<Request> requests = List.of(request(TIMEOUT), request(TIMEOUT));
        CallId first = requests.get(0).header().callId();
        CallId second = requests.get(1).header().callId();

        StepVerifier.create(
                        connection.stream(ROUTE, Flux.fromIterable(requests)).map(GivenUpCallsTest::failureOf))
                .then(() -> await(served))
                .then(() -> connection.giveUp(first).block(TIMEOUT))
                .expectNext(first + " failed")
                .then(() -> proceed.tryEmitEmpty())
                .expectNext(second + " answered")
                .expectComplete()
                .verify(TIMEOUT);
        assertThat(cancelled).succeedsWithin(TIMEOUT).isEqualTo(first);
    }

    private static String failureOf(Reply reply) {
        reply.release();
        return reply.callId() + (reply.error() == null ? " answered" : " failed");
    }

    @Test
    void giveUp_ofACallThatIsNotServedYet_keepsItFromItsHandler() {
        Set<CallId> handled = ConcurrentHashMap.newKeySet();
        PeerConnection connection = nodes.connect((caller, request) -> {
            handled.add(request.header().callId());
            return echo(caller, request);
        });
        Request request = request(TIMEOUT);
        CallId id = request.header().callId();

        connection.giveUp(id).block(TIMEOUT);

        StepVerifier.create(connection.stream(ROUTE, Flux.just(request)).map(GivenUpCallsTest::failureOf))
                .expectNext(id + " failed")
                .expectComplete()
                .verify(TIMEOUT);
        assertThat(handled).isEmpty();
    }

    @Test
    void giveUp_ofACallThatNobodyMade_changesNothing() {
        PeerConnection connection = nodes.connect(StreamFixture::echo);
        for (int i = 0; i < 2_000; i++) {
            connection.giveUp(CallId.random()).block(TIMEOUT);
        }

        assertThat(connection.stream(ROUTE, requests(20, 100))
                        .map(GivenUpCallsTest::failureOf)
                        .count()
                        .block(TIMEOUT))
                .isEqualTo(20);
    }

    @Test
    void giveUp_ofCallsAtAnyMoment_answersEachOnce() {
        PeerConnection connection = nodes.connect(StreamFixture::echo);
        for (int round = 0; round < 30; round++) {
            List<CallId> answered = connection.stream(
                            ROUTE,
                            Flux.range(0, 60)
                                    .map(i -> request(TIMEOUT))
                                    .doOnNext(request -> connection
                                            .giveUp(request.header().callId())
                                            .subscribe()))
                    .map(reply -> {
                        reply.release();
                        return reply.callId();
                    })
                    .collectList()
                    .block(TIMEOUT);

            assertThat(answered).hasSize(60).doesNotHaveDuplicates();
        }
    }
}
