package dev.hivemind.rsocket;

import static dev.hivemind.rsocket.StreamFixture.ROUTE;
import static dev.hivemind.rsocket.StreamFixture.TIMEOUT;
import static dev.hivemind.rsocket.StreamFixture.await;
import static dev.hivemind.rsocket.StreamFixture.echo;
import static dev.hivemind.rsocket.StreamFixture.request;
import static dev.hivemind.rsocket.StreamFixture.requests;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.frame.Route;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

/** Streams of calls between two nodes over real sockets. */
class CallStreamTest {

    @RegisterExtension
    final StreamFixture nodes = new StreamFixture();

    @Test
    void stream_ofManySizes_answersEveryCallOnce() {
        PeerConnection connection = nodes.connect(StreamFixture::echo);
        Set<CallId> asked = ConcurrentHashMap.newKeySet();
        Flux<Request> requests = Flux.range(0, 60)
                .map(i -> Bodies.request(i * 20_011))
                .doOnNext(request -> asked.add(request.header().callId()));

        var answered = new HashSet<CallId>();
        List<Integer> sizes = connection.stream(ROUTE, requests)
                .doOnNext(reply -> answered.add(reply.callId()))
                .map(Bodies::check)
                .collectList()
                .block(TIMEOUT);

        assertThat(sizes).hasSize(60).doesNotContain(-1);
        assertThat(answered).hasSize(60).isEqualTo(asked);
    }

    @Test
    void stream_asksForItsCallsToWaitForRoom_asALoneCallOnAChannelDoesNot() {
        Queue<Boolean> waiting = new ConcurrentLinkedQueue<>();
        PeerConnection connection = nodes.connect((caller, request) -> {
            waiting.add(request.header().waitsForRoom());
            return echo(caller, request);
        });

        connection.stream(ROUTE, requests(1, 8)).doOnNext(Reply::release).blockLast(TIMEOUT);
        Mono.using(() -> Bodies.request(600_000), connection::request, Request::release)
                .doOnNext(Reply::release)
                .block(TIMEOUT);

        assertThat(waiting).containsExactly(true, false);
    }

    @Test
    void stream_ofNothing_isEmpty() {
        PeerConnection connection = nodes.connect(StreamFixture::echo);

        StepVerifier.create(connection.stream(ROUTE, Flux.empty()))
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void stream_emitsRepliesInTheOrderOfCompletion() {
        var slow = new CompletableFuture<Reply>();
        var calls = new AtomicInteger();
        PeerConnection connection = nodes.connect(
                (caller, request) -> calls.incrementAndGet() == 1 ? Mono.fromFuture(slow) : echo(caller, request));

        StepVerifier.create(connection.stream(ROUTE, Flux.just(10, 20, 30).map(Bodies::request))
                        .map(Bodies::check))
                .expectNext(20, 30)
                .then(() -> slow.complete(Bodies.reply(11)))
                .expectNext(11)
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void stream_withACallThatFails_goesOn() {
        var calls = new AtomicInteger();
        PeerConnection connection = nodes.connect((caller, request) -> switch (calls.incrementAndGet()) {
            case 1 -> Mono.error(new SchemaMismatchException("not this shape"));
            case 2 -> throw new IllegalStateException("/secret/path");
            default -> echo(caller, request);
        });

        List<Reply> replies =
                connection.stream(ROUTE, requests(3, 8)).collectList().block(TIMEOUT);

        assertThat(replies).extracting(Reply::error).hasAtLeastOneElementOfType(SchemaMismatchException.class);
        assertThat(replies.get(0).error()).hasMessage("not this shape");
        assertThatThrownBy(replies.get(0)::tensors).isSameAs(replies.get(0).error());
        assertThat(replies.get(1).error())
                .isInstanceOf(ExpertFailedException.class)
                .hasMessageNotContaining("secret");
        assertThat(replies.get(2).error()).isNull();
        replies.forEach(Reply::release);
    }

    @Test
    void stream_withARequestOfAnotherRoute_failsAsAnIllegalArgument() {
        PeerConnection connection = nodes.connect(StreamFixture::echo);

        StepVerifier.create(connection.stream(new Route(Operation.EXPERT_FORWARD, "y"), requests(1, 8)))
                .expectError(IllegalArgumentException.class)
                .verify(TIMEOUT);
    }

    @Test
    void stream_whoseRequestsFail_failsWithThatError() {
        PeerConnection connection = nodes.connect(StreamFixture::echo);
        Flux<Request> failing = requests(2, 8).concatWith(Mono.error(new IllegalStateException("mine")));

        StepVerifier.create(connection.stream(ROUTE, failing)
                        .doOnNext(Reply::release)
                        .then())
                .expectErrorMessage("mine")
                .verify(TIMEOUT);
    }

    @Test
    void stream_withACallBeyondItsDeadline_repliesThatItFailedAndGoesOn() {
        Request late = request(Duration.ofMillis(300));
        Request other = request(TIMEOUT);
        CallId lateId = late.header().callId();
        CallId otherId = other.header().callId();
        PeerConnection connection = nodes.connect(
                (caller, request) -> request.header().callId().equals(lateId) ? Mono.never() : echo(caller, request));

        Map<CallId, Reply> replies = connection.stream(ROUTE, Flux.just(late, other))
                .collectMap(Reply::callId)
                .block(TIMEOUT);

        assertThat(replies).containsOnlyKeys(lateId, otherId);
        assertThat(replies.get(lateId).error()).isInstanceOf(DeadlineExceededException.class);
        assertThat(replies.get(otherId).error()).isNull();
        replies.values().forEach(Reply::release);
    }

    @Test
    void stream_withACallThatIsLateBeforeItIsSent_repliesThatItFailed() {
        PeerConnection connection = nodes.connect(StreamFixture::echo);

        StepVerifier.create(connection.stream(ROUTE, Flux.just(Duration.ZERO).map(StreamFixture::request)))
                .assertNext(reply -> assertThat(reply.error()).isInstanceOf(DeadlineExceededException.class))
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void stream_cancelled_cancelsHandlersAndRequests() {
        var started = new CountDownLatch(3);
        var cancelled = new CountDownLatch(3);
        var stopped = new CompletableFuture<Boolean>();
        PeerConnection connection = nodes.connect((caller, request) ->
                Mono.<Reply>never().doOnSubscribe(s -> started.countDown()).doOnCancel(cancelled::countDown));
        Flux<Request> requests = requests(3, 8).concatWith(Flux.never()).doOnCancel(() -> stopped.complete(true));

        StepVerifier.create(connection.stream(ROUTE, requests))
                .then(() -> await(started))
                .thenCancel()
                .verify(TIMEOUT);

        await(cancelled);
        assertThat(stopped.orTimeout(20, TimeUnit.SECONDS).join()).isTrue();
    }

    @Test
    void stream_whoseServerIsBusy_stopsAskingForRequests() {
        var produced = new AtomicInteger();
        var handled = new AtomicInteger();
        var busy = new CountDownLatch(CallService.CALLS_PER_CHANNEL);
        PeerConnection connection = nodes.connect((caller, request) -> {
            handled.incrementAndGet();
            busy.countDown();
            return Mono.never();
        });
        Flux<Request> endless = Flux.generate(sink -> {
            produced.incrementAndGet();
            sink.next(Bodies.request(64));
        });
        var stream = connection.stream(ROUTE, endless).subscribe();

        await(busy);
        roundTrip(connection);

        assertThat(handled.get()).isEqualTo(CallService.CALLS_PER_CHANNEL);
        assertThat(produced.get()).isLessThanOrEqualTo(CallService.CALLS_PER_CHANNEL + 2 * MessageAssembler.PREFETCH);
        stream.dispose();
    }

    /** All that was sent before has arrived when this is refused. */
    private static void roundTrip(PeerConnection connection) {
        Mono.using(
                        () -> Request.ofTensors(Operation.EXPERT_BACKWARD, "x", TIMEOUT, List.of()),
                        connection::request,
                        Request::release)
                .doOnNext(Reply::release)
                .onErrorComplete(ProtocolViolationException.class)
                .block(TIMEOUT);
    }

    @Test
    void stream_whoseConsumerIsSlow_stopsTheHandlers() {
        var handled = new AtomicInteger();
        PeerConnection connection = nodes.connect((caller, request) -> {
            handled.incrementAndGet();
            return echo(caller, request);
        });
        var first = new CompletableFuture<Boolean>();
        var consumer = new BaseSubscriber<Reply>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                subscription.request(1);
            }

            @Override
            protected void hookOnNext(Reply reply) {
                reply.release();
                first.complete(true);
            }
        };
        Flux<Request> endless = Flux.generate(sink -> sink.next(Bodies.request(64)));
        connection.stream(ROUTE, endless).subscribe(consumer);

        first.orTimeout(20, TimeUnit.SECONDS).join();
        roundTrip(connection);

        assertThat(handled.get()).isLessThanOrEqualTo(CallStream.MAX_UNDER_WAY + 2);
        consumer.cancel();
    }

    @Test
    void stream_ofBodiesBeyondWhatAChannelHolds_waitsForRoom() {
        PeerConnection connection = nodes.connect(StreamFixture::echo);

        List<Integer> sizes = connection.stream(ROUTE, requests(5, 40 << 20))
                .map(Bodies::check)
                .collectList()
                .block(TIMEOUT);

        assertThat(sizes).hasSize(5).containsOnly(40 << 20);
    }

    @Test
    void stream_whosePeerLeaves_fails() {
        var started = new CompletableFuture<Boolean>();
        PeerConnection connection =
                nodes.connect((caller, request) -> Mono.<Reply>never().doOnSubscribe(s -> started.complete(true)));

        StepVerifier.create(connection.stream(ROUTE, requests(1, 8)))
                .then(() -> {
                    started.join();
                    nodes.listener().close().block(TIMEOUT);
                })
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);
    }

    @Test
    void stream_cancelledAtAnyMoment_leaksNothing() {
        PeerConnection connection = nodes.connect(StreamFixture::echo);
        for (int round = 0; round < 60; round++) {
            Flux<Request> requests = requests(40, round % 2 == 0 ? 30_000 : 300_000);
            connection.stream(ROUTE, requests)
                    .doOnNext(Reply::release)
                    .take(Duration.ofNanos(1 + round * 100_000L))
                    .then()
                    .block(TIMEOUT);
        }
    }

    @Test
    void stream_withoutCalls_keepsNoNodeFromClosing() {
        PeerConnection connection =
                nodes.connect(PeerNode.builder().drainTimeout(TIMEOUT.multipliedBy(2)), StreamFixture::echo);
        Sinks.Many<Request> requests = Sinks.many().unicast().onBackpressureBuffer();
        Sinks.Empty<Void> answered = Sinks.empty();
        Disposable stream = connection.stream(ROUTE, requests.asFlux())
                .subscribe(
                        reply -> {
                            reply.release();
                            answered.tryEmitEmpty();
                        },
                        error -> {});
        requests.tryEmitNext(request(TIMEOUT)).orThrow();
        answered.asMono().block(TIMEOUT);

        assertThat(connection.activity().callsUnderWay()).isZero();
        // Longer than a test takes: it would wait for the stream if that counted.
        nodes.listener().close().block(TIMEOUT);
        stream.dispose();
    }

    @Test
    void stream_ofANodeThatCloses_refusesFurtherCallsAndAnswersThoseUnderWay() {
        Sinks.Empty<Void> proceed = Sinks.empty();
        var served = new CountDownLatch(1);
        PeerConnection connection = nodes.connect((caller, request) ->
                proceed.asMono().then(echo(caller, request)).doOnSubscribe(subscription -> served.countDown()));
        Sinks.Many<Request> requests = Sinks.many().unicast().onBackpressureBuffer();

        StepVerifier.create(connection.stream(ROUTE, requests.asFlux()).map(CallStreamTest::nameOfError))
                .then(() -> requests.tryEmitNext(request(TIMEOUT)))
                .then(() -> await(served))
                .then(() -> nodes.dialler().close().subscribe())
                .then(() -> requests.tryEmitNext(request(TIMEOUT)))
                .expectNext("PeerUnavailableException")
                .then(proceed::tryEmitEmpty)
                .expectNext("")
                .thenCancel()
                .verify(TIMEOUT);
    }

    private static String nameOfError(Reply reply) {
        reply.release();
        return reply.error() == null ? "" : reply.error().getClass().getSimpleName();
    }
}
