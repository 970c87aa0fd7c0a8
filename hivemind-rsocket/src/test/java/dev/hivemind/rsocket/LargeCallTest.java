package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PayloadTooLargeException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.proto.HelloMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** Calls of any size between two nodes over real sockets. */
class LargeCallTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final int MIB = 1 << 20;

    private final List<PeerNode> nodes = new ArrayList<>();
    private final AtomicInteger served = new AtomicInteger();

    @AfterEach
    void close() {
        Flux.fromIterable(nodes).flatMap(PeerNode::close).then().block(TIMEOUT);
    }

    private PeerConnection connect(PeerNode.Builder listening, RequestHandler handler) {
        PeerNode listener = listening.listen(new PeerAddress("127.0.0.1", 0)).build();
        PeerNode dialler = PeerNode.builder().build();
        nodes.addAll(List.of(dialler, listener));
        listener.handle(Operation.EXPERT_FORWARD, (caller, request) -> {
            served.incrementAndGet();
            return handler.handle(caller, request);
        });
        dialler.handle(Operation.EXPERT_FORWARD, LargeCallTest::echo);
        listener.start().block(TIMEOUT);
        return dialler.connect(listener.addresses().get(0)).block(TIMEOUT);
    }

    private PeerConnection connect(RequestHandler handler) {
        return connect(PeerNode.builder(), handler);
    }

    private static Mono<Reply> echo(PeerConnection caller, Request request) {
        return Mono.fromSupplier(
                () -> new Reply(request.header().tensors(), request.body().retain()));
    }

    private static Mono<Integer> call(PeerConnection connection, int bytes) {
        return Mono.using(
                () -> Bodies.request(bytes),
                request -> connection.request(request).map(Bodies::check),
                Request::release);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 262_144, 262_145, 524_288, 5 * MIB + 13, 64 * MIB})
    void request_ofAnySize_comesBackIntact(int bytes) {
        PeerConnection connection = connect(LargeCallTest::echo);

        assertThat(call(connection, bytes).block(TIMEOUT)).isEqualTo(bytes);
    }

    @Test
    void request_inBothDirectionsAtOnce_areAnswered() {
        var back = new CompletableFuture<PeerConnection>();
        PeerConnection there = connect((caller, request) -> {
            back.complete(caller);
            return echo(caller, request);
        });
        call(there, 1).block(TIMEOUT);

        List<Integer> sizes = Flux.range(0, 12)
                .flatMap(i -> call(i % 2 == 0 ? there : back.join(), 3 * MIB + i), 12)
                .collectList()
                .block(TIMEOUT);

        assertThat(sizes).hasSize(12).allMatch(size -> size >= 3 * MIB);
    }

    @Test
    void request_whoseReplyTurnsOutLarge_isAnsweredByOneExecution() {
        PeerConnection connection = connect((caller, request) -> Mono.fromSupplier(() -> Bodies.reply(MIB)));

        assertThat(call(connection, 10).block(TIMEOUT)).isEqualTo(MIB);
        assertThat(served).hasValue(1);
    }

    @Test
    void request_whoseReplyIsTooLargeToKeep_isExecutedAgain() {
        PeerConnection connection = connect(
                PeerNode.builder().inboundBudget(1_000),
                (caller, request) -> Mono.fromSupplier(() -> Bodies.reply(MIB)));

        assertThat(call(connection, 10).block(TIMEOUT)).isEqualTo(MIB);
        assertThat(served).hasValue(2);
    }

    @Test
    void request_thatExpectsALargeReply_takesTheChannelAtOnce() {
        PeerConnection connection = connect(
                PeerNode.builder().inboundBudget(1_000),
                (caller, request) -> Mono.fromSupplier(() -> Bodies.reply(MIB)));
        Request request = Bodies.request(10).expectingReplyOf(MIB);

        assertThat(connection.request(request).map(Bodies::check).block(TIMEOUT))
                .isEqualTo(MIB);
        assertThat(served).hasValue(1);
        request.release();
    }

    @Test
    void request_beyondTheBudgetOfAPeer_isRefusedForGood() {
        PeerConnection connection = connect(PeerNode.builder().inboundBudget(2 * MIB), LargeCallTest::echo);

        StepVerifier.create(call(connection, MIB + 1))
                .expectError(PayloadTooLargeException.class)
                .verify(TIMEOUT);
        assertThat(call(connection, MIB).block(TIMEOUT)).isEqualTo(MIB);
        assertThat(served).hasValue(1);
    }

    @Test
    void request_whileTheBudgetIsTaken_isRefusedForNow() {
        var holding = new CompletableFuture<Boolean>();
        PeerConnection connection = connect(PeerNode.builder().inboundBudget(2 * MIB), (caller, request) -> {
            boolean first = holding.complete(true);
            return first ? Mono.never() : echo(caller, request);
        });
        var holder = call(connection, MIB).subscribe();
        holding.orTimeout(20, TimeUnit.SECONDS).join();

        StepVerifier.create(call(connection, MIB))
                .expectErrorSatisfies(error ->
                        assertThat(((OverloadedException) error).retryAfter()).isPositive())
                .verify(TIMEOUT);
        holder.dispose();

        Integer later = call(connection, MIB)
                .retryWhen(reactor.util.retry.Retry.fixedDelay(1_000, Duration.ofMillis(20)))
                .block(TIMEOUT);
        assertThat(later).isEqualTo(MIB);
    }

    @Test
    void request_thatFailsInTheHandler_keepsTypeAndMessage() {
        PeerConnection connection =
                connect((caller, request) -> Mono.error(new SchemaMismatchException("not this shape")));

        StepVerifier.create(call(connection, MIB))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(SchemaMismatchException.class)
                        .hasMessage("not this shape"))
                .verify(TIMEOUT);
    }

    @Test
    void request_whoseHandlerThrows_hidesTheMessage() {
        PeerConnection connection = connect((caller, request) -> {
            throw new IllegalStateException("/secret/path");
        });

        StepVerifier.create(call(connection, MIB))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(ExpertFailedException.class)
                        .hasMessageNotContaining("secret"))
                .verify(TIMEOUT);
    }

    @Test
    void request_afterItsDeadline_failsAndCancelsTheHandler() {
        var begun = new AtomicBoolean();
        var cancelled = new CompletableFuture<Boolean>();
        PeerConnection connection = connect((caller, request) -> Mono.<Reply>never()
                .doOnSubscribe(subscription -> begun.set(true))
                .doOnCancel(() -> cancelled.complete(true)));

        // A machine that is slow gives a call up before it is served; then it gets more time.
        for (Duration time = Duration.ofMillis(500); !begun.get(); time = time.multipliedBy(2)) {
            Request request = Request.ofTensors(Operation.EXPERT_FORWARD, "x", time, List.of(Bodies.frame(MIB)));
            StepVerifier.create(connection.request(request))
                    .expectError(DeadlineExceededException.class)
                    .verify(TIMEOUT);
            request.release();
        }

        assertThat(cancelled).succeedsWithin(TIMEOUT);
    }

    @Test
    void request_cancelledByTheCaller_cancelsTheHandler() {
        var started = new CompletableFuture<Boolean>();
        var cancelled = new CompletableFuture<Boolean>();
        PeerConnection connection = connect((caller, request) -> Mono.<Reply>never()
                .doOnSubscribe(s -> started.complete(true))
                .doOnCancel(() -> cancelled.complete(true)));

        StepVerifier.create(call(connection, MIB))
                .then(started::join)
                .thenCancel()
                .verify(TIMEOUT);

        assertThat(cancelled.orTimeout(20, TimeUnit.SECONDS).join()).isTrue();
    }

    @Test
    void request_manyAtOnceOfWhichHalfAreCancelled_leaksNothing() {
        PeerConnection connection = connect(LargeCallTest::echo);

        Long answered = Flux.range(0, 200)
                .flatMap(
                        i -> {
                            Mono<Integer> one = call(connection, 300_000 + i);
                            return i % 2 == 0
                                    ? one
                                    : one.timeout(Duration.ofNanos(1 + i * 10_000L))
                                            .onErrorComplete();
                        },
                        16)
                .count()
                .block(TIMEOUT);

        assertThat(answered).isBetween(100L, 200L);
    }

    @Test
    void request_ofALargeMessage_isParsed() {
        HelloMessage large =
                HelloMessage.newBuilder().addFeatures("x".repeat(MIB)).build();
        PeerConnection connection = connect(
                (caller, request) -> Mono.fromSupplier(() -> Reply.ofMessage(request.message(HelloMessage.parser()))));
        Request request = Request.ofMessage(Operation.EXPERT_FORWARD, "x", TIMEOUT, large);

        HelloMessage back = connection
                .request(request)
                .map(reply -> {
                    try {
                        return reply.message(HelloMessage.parser());
                    } finally {
                        reply.release();
                    }
                })
                .block(TIMEOUT);

        assertThat(back).isEqualTo(large);
        request.release();
    }
}
