package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.error.UnauthorizedException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;
import reactor.util.retry.Retry;

/** Two nodes over real sockets; also the guard against a mix-up of Netty versions, which shows on the first bind. */
class PeerNodeTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final ConcurrentLinkedQueue<PeerNode> nodes = new ConcurrentLinkedQueue<>();
    private PeerNode listener = node(PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)));
    private PeerNode dialler = node(PeerNode.builder());

    @BeforeEach
    void bind() {
        listener.start().block(TIMEOUT);
        dialler.start().block(TIMEOUT);
    }

    @AfterEach
    void close() {
        Flux.fromIterable(nodes).flatMap(PeerNode::close).then().block(TIMEOUT);
    }

    private PeerNode node(PeerNode.Builder builder) {
        PeerNode node = builder.build();
        nodes.add(node);
        return node;
    }

    private PeerConnection connection() {
        return dialler.connect(listener.addresses().get(0)).block(TIMEOUT);
    }

    private static Request tensors(Operation operation, float... values) {
        return Request.ofTensors(operation, "expert.1", TIMEOUT, List.of(frame(values)));
    }

    private static TensorFrame frame(float... values) {
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(4 * values.length);
        for (float value : values) {
            data.writeFloatLE(value);
        }
        return new TensorFrame(TensorDescriptor.of(ElementType.FLOAT32, values.length), data);
    }

    private static List<Float> values(Reply reply) {
        try {
            ByteBuf data = reply.tensors().get(0).data();
            return IntStream.range(0, data.readableBytes() / 4)
                    .mapToObj(i -> data.getFloatLE(data.readerIndex() + 4 * i))
                    .toList();
        } finally {
            reply.release();
        }
    }

    private static Mono<Reply> echo(PeerConnection caller, Request request) {
        return Mono.just(new Reply(request.header().tensors(), request.body().retain()));
    }

    private List<Float> call(PeerConnection connection, Request request) {
        try {
            return connection.request(request).map(PeerNodeTest::values).block(TIMEOUT);
        } finally {
            request.release();
        }
    }

    private void assertFails(PeerConnection connection, Request request, Class<? extends Throwable> type) {
        StepVerifier.create(connection.request(request)).expectError(type).verify(TIMEOUT);
        request.release();
    }

    @Test
    void request_toTheListener_answers() {
        listener.handle(Operation.EXPERT_FORWARD, PeerNodeTest::echo);

        assertThat(call(connection(), tensors(Operation.EXPERT_FORWARD, 1f, -2.5f)))
                .containsExactly(1f, -2.5f);
    }

    @Test
    void request_fromTheListenerToTheDialler_answersOverTheSameConnection() {
        var inbound = new CompletableFuture<PeerConnection>();
        listener.handle(Operation.DHT_PING, (caller, request) -> {
            inbound.complete(caller);
            return echo(caller, request);
        });
        dialler.handle(Operation.EXPERT_FORWARD, PeerNodeTest::echo);
        call(connection(), tensors(Operation.DHT_PING, 0f));

        PeerConnection back = listener.connect(dialler.id(), List.of()).block(TIMEOUT);

        assertThat(back).isSameAs(inbound.join());
        assertThat(call(back, tensors(Operation.EXPERT_FORWARD, 3f))).containsExactly(3f);
    }

    @Test
    void connect_toAListener_provesBothIdentities() {
        var caller = new CompletableFuture<PeerConnection>();
        listener.handle(Operation.DHT_PING, (peer, request) -> {
            caller.complete(peer);
            return echo(peer, request);
        });

        PeerConnection connection = connection();
        call(connection, tensors(Operation.DHT_PING, 0f));

        assertThat(connection.peerId()).isEqualTo(listener.id());
        assertThat(connection.listenAddresses()).isEqualTo(listener.addresses());
        assertThat(caller.join().peerId()).isEqualTo(dialler.id());
        assertThat(caller.join().listenAddresses()).isEmpty();
    }

    @Test
    void connect_fromAHandlerToItsCaller_findsTheCallersConnection() {
        listener.handle(
                Operation.DHT_PING,
                (caller, request) ->
                        listener.connect(caller.peerId(), List.of()).flatMap(back -> echo(back, request)));

        Flux.range(0, 10)
                .map(i -> node(PeerNode.builder())
                        .connect(listener.addresses().get(0))
                        .block(TIMEOUT))
                .doOnNext(connection -> assertThat(call(connection, tensors(Operation.DHT_PING, 1f)))
                        .containsExactly(1f))
                .blockLast(TIMEOUT);
    }

    @Test
    void connect_byId_sharesOneConnection() {
        List<PeerConnection> connections = Flux.range(0, 8)
                .flatMap(i -> dialler.connect(listener.id(), listener.addresses()), 8)
                .collectList()
                .block(TIMEOUT);

        assertThat(connections).hasSize(8).allMatch(connection -> connection == connections.get(0));
    }

    @Test
    void connect_byAddressToAConnectedPeer_keepsTheConnection() {
        PeerConnection first = connection();

        assertThat(connection()).isSameAs(first);
        assertThat(first.isDisposed()).isFalse();
    }

    @Test
    void connect_givenUpWhileTheFirstAddressIsSilent_reachesTheSecond() throws IOException {
        PeerNode patient = node(PeerNode.builder());
        try (var silent = new ServerSocket(0)) {
            silent.setSoTimeout(Math.toIntExact(TIMEOUT.toMillis()));
            List<PeerAddress> addresses = List.of(
                    new PeerAddress("127.0.0.1", silent.getLocalPort()),
                    listener.addresses().get(0));

            Disposable attempt = patient.connect(listener.id(), addresses).subscribe();
            Socket dialled = silent.accept();
            attempt.dispose();
            dialled.close();

            // Without addresses, only a living connection serves.
            Mono<PeerConnection> living = patient.connect(listener.id(), List.of());
            StepVerifier.create(living.retryWhen(Retry.fixedDelay(400, Duration.ofMillis(50))))
                    .expectNextCount(1)
                    .expectComplete()
                    .verify(TIMEOUT);
        }
    }

    @Test
    void connect_afterTheConnectionClosed_dialsAgain() {
        PeerConnection first =
                dialler.connect(listener.id(), listener.addresses()).block(TIMEOUT);
        first.dispose();
        first.onClose().block(TIMEOUT);

        PeerConnection second =
                dialler.connect(listener.id(), listener.addresses()).block(TIMEOUT);

        assertThat(second).isNotSameAs(first);
        assertThat(second.isDisposed()).isFalse();
    }

    @Test
    void connect_toAnotherPeersAddress_skipsIt() {
        PeerNode other = node(PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)));
        other.start().block(TIMEOUT);

        PeerConnection connection = dialler.connect(
                        listener.id(),
                        List.of(other.addresses().get(0), listener.addresses().get(0)))
                .block(TIMEOUT);

        assertThat(connection.peerId()).isEqualTo(listener.id());
    }

    @Test
    void connect_whereNobodyListens_isUnavailable() {
        PeerAddress gone = listener.addresses().get(0);
        listener.close().block(TIMEOUT);

        StepVerifier.create(dialler.connect(gone))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(PeerUnavailableException.class)
                        .hasMessageContaining(gone.toString()))
                .verify(TIMEOUT);
    }

    @Test
    void build_announcingMoreAddressesThanAHelloHolds_isRefused() {
        PeerAddress[] addresses = IntStream.rangeClosed(1, 17)
                .mapToObj(i -> new PeerAddress("192.0.2." + i, 1_337))
                .toArray(PeerAddress[]::new);

        assertThatThrownBy(() -> PeerNode.builder().announce(addresses).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("16");
    }

    @Test
    void start_onMoreSocketsThanAHelloHolds_announcesTheFirst() {
        PeerAddress[] sockets =
                Stream.generate(() -> new PeerAddress("127.0.0.1", 0)).limit(17).toArray(PeerAddress[]::new);
        PeerNode wide = node(PeerNode.builder().listen(sockets));

        wide.start().block(TIMEOUT);

        assertThat(wide.addresses()).hasSize(16);
        assertThat(wide.connect(listener.addresses().get(0)).block(TIMEOUT)).isNotNull();
    }

    @Test
    void start_onAPortInUse_saysWhichOne() {
        PeerNode second = node(PeerNode.builder().listen(listener.addresses().get(0)));

        StepVerifier.create(second.start())
                .expectErrorSatisfies(error -> assertThat(error)
                        .hasMessageContaining(listener.addresses().get(0).toString()))
                .verify(TIMEOUT);
    }

    @Test
    void request_ofAnOperationWithoutHandler_isAProtocolViolation() {
        assertFails(connection(), tensors(Operation.EXPERT_BACKWARD, 1f), ProtocolViolationException.class);
    }

    @Test
    void request_thatTheHandlerEndsWithoutAnAnswer_isAProtocolViolation() {
        listener.handle(Operation.EXPERT_FORWARD, (caller, request) -> Mono.empty());

        assertFails(connection(), tensors(Operation.EXPERT_FORWARD, 1f), ProtocolViolationException.class);
    }

    @Test
    void request_thatTheHandlerRefuses_keepsTypeMessageAndDetails() {
        listener.handle(
                Operation.EXPERT_FORWARD,
                (caller, request) -> Mono.error(new OverloadedException("full; really", Duration.ofMillis(250))));
        Request request = tensors(Operation.EXPERT_FORWARD, 1f);

        StepVerifier.create(connection().request(request))
                .expectErrorSatisfies(error -> {
                    assertThat(error).isInstanceOf(OverloadedException.class).hasMessage("full; really");
                    assertThat(((OverloadedException) error).retryAfter()).isEqualTo(Duration.ofMillis(250));
                })
                .verify(TIMEOUT);
        request.release();
    }

    @Test
    void request_whoseHandlerThrows_hidesTheMessage() {
        listener.handle(Operation.EXPERT_FORWARD, (caller, request) -> {
            throw new IllegalStateException("/secret/path");
        });
        Request request = tensors(Operation.EXPERT_FORWARD, 1f);

        StepVerifier.create(connection().request(request))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(ExpertFailedException.class)
                        .hasMessageNotContaining("secret"))
                .verify(TIMEOUT);
        request.release();
    }

    @Test
    void request_afterItsDeadline_failsAndCancelsTheHandler() {
        var begun = new AtomicBoolean();
        var cancelled = new CompletableFuture<Boolean>();
        listener.handle(
                Operation.EXPERT_FORWARD,
                (caller, request) -> Mono.<Reply>never()
                        .doOnSubscribe(subscription -> begun.set(true))
                        .doOnCancel(() -> cancelled.complete(true)));
        PeerConnection connection = connection();

        // A machine that is slow gives a call up before it is served; then it gets more time.
        for (Duration time = Duration.ofMillis(500); !begun.get(); time = time.multipliedBy(2)) {
            Request request = Request.ofTensors(Operation.EXPERT_FORWARD, "expert.1", time, List.of(frame(1f)));
            assertFails(connection, request, DeadlineExceededException.class);
        }

        assertThat(cancelled).succeedsWithin(TIMEOUT);
    }

    @Test
    void request_cancelledByTheCaller_cancelsTheHandler() {
        var started = new CompletableFuture<Boolean>();
        var cancelled = new CompletableFuture<Boolean>();
        listener.handle(
                Operation.EXPERT_FORWARD,
                (caller, request) -> Mono.<Reply>never()
                        .doOnSubscribe(s -> started.complete(true))
                        .doOnCancel(() -> cancelled.complete(true)));
        Request request = tensors(Operation.EXPERT_FORWARD, 1f);

        StepVerifier.create(connection().request(request))
                .then(started::join)
                .thenCancel()
                .verify(TIMEOUT);

        assertThat(cancelled).succeedsWithin(TIMEOUT);
        request.release();
    }

    @Test
    void close_withACallUnderWay_failsItAsUnavailable() {
        var started = new CompletableFuture<Boolean>();
        listener.handle(
                Operation.EXPERT_FORWARD,
                (caller, request) -> Mono.<Reply>never().doOnSubscribe(s -> started.complete(true)));
        Request request = tensors(Operation.EXPERT_FORWARD, 1f);

        StepVerifier.create(connection().request(request))
                .then(() -> {
                    started.join();
                    listener.close().block(TIMEOUT);
                })
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);
        request.release();
    }

    @Test
    void connect_toAKnownIdHeldByAnotherKey_isRefused() {
        var stranger = PeerIdentity.generate();

        StepVerifier.create(dialler.connect(stranger.id(), listener.addresses()))
                .expectErrorSatisfies(
                        error -> assertThat(error.getSuppressed()[0]).isInstanceOf(UnauthorizedException.class))
                .verify(TIMEOUT);
    }

    @Test
    void request_withTensorsTheSchemaRefuses_namesTheShape() {
        listener.handle(
                Operation.EXPERT_FORWARD,
                (caller, request) -> Mono.error(new SchemaMismatchException(
                        "got " + request.tensors().get(0).descriptor())));
        Request request = tensors(Operation.EXPERT_FORWARD, new float[11]);

        StepVerifier.create(connection().request(request))
                .expectErrorMessage("got float32(11)")
                .verify(TIMEOUT);
        request.release();
    }

    @Test
    void request_manyAtOnceOfWhichHalfAreCancelled_leaksNothing() {
        listener.handle(Operation.EXPERT_FORWARD, PeerNodeTest::echo);
        PeerConnection connection = connection();

        Long answered = Flux.range(0, 400)
                .flatMap(i -> oneCall(connection, i), 64)
                .count()
                .block(TIMEOUT);

        assertThat(answered).isBetween(200L, 400L);
    }

    private static Mono<List<Float>> oneCall(PeerConnection connection, int index) {
        return Mono.using(
                () -> tensors(Operation.EXPERT_FORWARD, index),
                request -> {
                    Mono<Reply> reply = connection.request(request);
                    return index % 2 == 0
                            ? reply.map(PeerNodeTest::values)
                            : reply.map(PeerNodeTest::values)
                                    .timeout(Duration.ofNanos(1 + index * 1_000L))
                                    .onErrorComplete();
                },
                Request::release);
    }
}
