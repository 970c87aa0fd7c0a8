package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameCodec;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.transport.SendWindow;
import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.rsocket.Payload;
import io.rsocket.util.ByteBufPayload;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;
import reactor.test.publisher.TestPublisher;

/** Messages to payloads and back, on one thread. */
class MessageAssemblerTest {

    private static final int PIECE = MessageChunks.MAX_CHUNK_BYTES;
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    private final ByteBudget budget = new ByteBudget(256L << 20);
    private final BodyIntake.Limits limits =
            new BodyIntake.Limits(budget, PeerIdentity.generate().id(), PATIENCE);

    @AfterEach
    void budgetIsFree() {
        assertThat(budget.heldBytes()).isZero();
    }

    private static FrameHeader header(int bytes) {
        return new FrameHeader(
                Operation.EXPERT_FORWARD,
                "x",
                CallId.random(),
                Deadline.after(PATIENCE),
                0,
                List.of(TensorDescriptor.of(ElementType.UINT8, bytes)));
    }

    private static Message message(int bytes) {
        return new Message(header(bytes), Bodies.frame(bytes).data());
    }

    private static Payload first(FrameHeader header, int bytes) {
        return ByteBufPayload.create(body(bytes), FrameCodec.encode(header));
    }

    private static Payload piece(int bytes) {
        return ByteBufPayload.create(body(bytes));
    }

    private static ByteBuf body(int bytes) {
        return ByteBufAllocator.DEFAULT.directBuffer(Math.max(1, bytes)).writeZero(bytes);
    }

    private Flux<Message> assemble(Flux<Payload> payloads) {
        return new MessageAssembler(payloads, limits);
    }

    private static Flux<Payload> cut(Flux<Message> messages) {
        return new MessageChunks(messages, new OpenWindow());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 1})
    void assemble_ofACutMessage_restoresIt(int bytes) {
        StepVerifier.create(assemble(cut(Flux.just(message(bytes)))))
                .assertNext(message -> {
                    assertThat(Bodies.areIntact(message.body(), bytes)).isTrue();
                    message.release();
                })
                .verifyComplete();
    }

    @Test
    void assemble_ofManyMessagesOfRandomSizes_restoresThemInOrder() {
        var random = new Random(5);
        List<Integer> sizes = random.ints(50, 0, 3 * PIECE).boxed().toList();

        List<Integer> restored = assemble(cut(Flux.fromIterable(sizes).map(MessageAssemblerTest::message)))
                .map(MessageAssemblerTest::check)
                .collectList()
                .block(PATIENCE);

        assertThat(restored).isEqualTo(sizes);
    }

    private static int check(Message message) {
        int bytes = message.body().readableBytes();
        boolean intact = Bodies.areIntact(message.body(), bytes);
        message.release();
        return intact ? bytes : -1;
    }

    @Test
    void cut_isDrivenByDemand() {
        TestPublisher<Message> source = TestPublisher.create();

        StepVerifier.create(cut(source.flux()), 0)
                .then(() -> source.assertMaxRequested(0))
                .thenRequest(1)
                .then(() -> source.next(message(2 * PIECE + 1)))
                .assertNext(Payload::release)
                .thenRequest(1)
                .assertNext(Payload::release)
                .then(() -> source.assertMaxRequested(1))
                .thenRequest(2)
                .assertNext(Payload::release)
                .then(source::complete)
                .verifyComplete();
    }

    @Test
    void cut_cancelledInsideAMessage_releasesTheRest() {
        StepVerifier.create(cut(Flux.just(message(5 * PIECE))), 2)
                .assertNext(Payload::release)
                .assertNext(Payload::release)
                .thenCancel()
                .verify(PATIENCE);
    }

    @Test
    void cut_whileTheWindowIsShut_waitsForEachPiece() {
        var window = new StepwiseWindow();

        StepVerifier.create(new MessageChunks(Flux.just(message(PIECE + 1)), window))
                .expectSubscription()
                .then(() -> window.open())
                .assertNext(Payload::release)
                .then(() -> window.open())
                .assertNext(Payload::release)
                .verifyComplete();
    }

    @Test
    void cut_whoseWindowCloses_failsAndReleasesTheMessage() {
        var window = new StepwiseWindow();

        StepVerifier.create(new MessageChunks(Flux.just(message(PIECE + 1)), window))
                .expectSubscription()
                .then(() -> window.close())
                .expectError(IllegalStateException.class)
                .verify(PATIENCE);
    }

    @Test
    void cut_whoseSourceFails_sendsWhatCameBefore() {
        Flux<Message> failing =
                Flux.just(message(PIECE + 1)).concatWith(Mono.error(new IllegalStateException("source")));

        StepVerifier.create(cut(failing), 1)
                .assertNext(Payload::release)
                .thenRequest(1)
                .assertNext(Payload::release)
                .thenRequest(1)
                .expectErrorMessage("source")
                .verify(PATIENCE);
    }

    @Test
    void assemble_withoutDemand_takesEightPayloadsAndHoldsThem() {
        TestPublisher<Payload> source = TestPublisher.create();

        StepVerifier.create(assemble(source.flux()), 0)
                .expectSubscription()
                .then(() -> {
                    for (int i = 0; i < MessageAssembler.PREFETCH; i++) {
                        source.next(first(header(8), 8));
                    }
                })
                .expectNoEvent(Duration.ofMillis(1))
                .thenRequest(2)
                .assertNext(Message::release)
                .assertNext(Message::release)
                .thenCancel()
                .verify(PATIENCE);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("violations")
    void assemble_ofABrokenFormat_failsAndReleasesEverything(String what, Supplier<Stream<Payload>> payloads) {
        Payload[] sent = payloads.get().toArray(Payload[]::new);

        StepVerifier.create(assemble(Flux.fromArray(sent)))
                .expectErrorSatisfies(
                        error -> assertThat(error).as(what).isInstanceOf(ProtocolViolationException.class))
                .verify(PATIENCE);

        // What comes after the violation is not taken any more.
        Stream.of(sent).filter(payload -> payload.refCnt() > 0).forEach(Payload::release);
    }

    static Stream<Arguments> violations() {
        FrameHeader large = header(2 * PIECE).announcing(2 * PIECE);
        return Stream.of(
                row("a piece without a header", () -> Stream.of(piece(5))),
                row("more bytes than announced", () -> Stream.of(first(large, PIECE), piece(1), piece(PIECE))),
                row("a piece beyond the limit", () -> Stream.of(first(large, 1), piece(PIECE + 1))),
                row("more bytes than announced at once", () -> Stream.of(first(large, 2 * PIECE + 1))),
                row("a header inside a body", () -> Stream.of(first(large, PIECE), first(header(8), 8))),
                row("an empty piece", () -> Stream.of(first(large, PIECE), piece(0))),
                row("an empty first piece", () -> Stream.of(first(large, 0), piece(PIECE))),
                row("an end inside a body", () -> Stream.of(first(large, PIECE))),
                row(
                        "a length that the tensors do not have",
                        () -> Stream.of(first(header(8).announcing(9), 4))),
                row("tensors that the body does not hold", () -> Stream.of(first(header(8), 4))),
                row(
                        "a piece after a message that one payload holds",
                        () -> Stream.of(first(header(8).announcing(9), 8), piece(4))));
    }

    private static Arguments row(String what, Supplier<Stream<Payload>> payloads) {
        return Arguments.of(what, payloads);
    }

    @Test
    void assemble_cancelledInsideABody_releasesEverything() {
        TestPublisher<Payload> source = TestPublisher.create();

        StepVerifier.create(assemble(source.flux()))
                .expectSubscription()
                .then(() -> source.next(first(header(3 * PIECE).announcing(3 * PIECE), PIECE), piece(PIECE)))
                .then(() -> assertThat(budget.heldBytes()).isEqualTo(3 * PIECE))
                .thenCancel()
                .verify(PATIENCE);
    }

    @Test
    void assemble_ofABodyThatIsRetained_isChargedUntilTheLastRelease() {
        StepVerifier.create(assemble(cut(Flux.just(message(2 * PIECE)))))
                .assertNext(message -> {
                    message.body().retain();
                    message.release();
                    assertThat(budget.heldBytes()).isEqualTo(2 * PIECE);
                    message.body().release();
                    assertThat(budget.heldBytes()).isZero();
                })
                .verifyComplete();
    }

    @Test
    void assemble_whileTheBudgetIsTaken_isOverloaded() {
        var small = new ByteBudget(2L * 3 * PIECE);
        var peer = PeerIdentity.generate().id();
        ByteBudget.Reservation taken = small.reserve(peer, 2 * PIECE);

        StepVerifier.create(new MessageAssembler(
                        cut(Flux.just(message(2 * PIECE))), new BodyIntake.Limits(small, peer, PATIENCE)))
                .expectError(OverloadedException.class)
                .verify(PATIENCE);
        taken.release();
        assertThat(small.heldBytes()).isZero();
    }

    @Test
    void assemble_whenTheSenderStops_failsWithinTwicePatience() {
        StepVerifier.withVirtualTime(() ->
                        assemble(Flux.just(first(header(3 * PIECE).announcing(3 * PIECE), PIECE), piece(PIECE - 1))
                                .concatWith(Flux.never())))
                .expectSubscription()
                .expectNoEvent(PATIENCE)
                .thenAwait(PATIENCE)
                .expectError(ProtocolViolationException.class)
                .verify(PATIENCE);
    }

    @Test
    void assemble_whileTheSenderGoesOnSlowly_waits() {
        int pieces = 12;
        StepVerifier.withVirtualTime(() -> assemble(Flux.concat(
                        Flux.just(first(header(pieces * PIECE).announcing(pieces * PIECE), PIECE)),
                        Flux.interval(PATIENCE.minusSeconds(1))
                                .onBackpressureBuffer(pieces)
                                .take(pieces - 1)
                                .map(i -> piece(PIECE)))))
                .thenAwait(PATIENCE.multipliedBy(pieces))
                .assertNext(Message::release)
                .verifyComplete();
    }

    private static final class OpenWindow implements SendWindow {

        @Override
        public Mono<Void> awaitRoom() {
            return Mono.empty();
        }

        @Override
        public long unsentBytes() {
            return 0;
        }
    }

    /** Lets one piece pass at a time. */
    private static final class StepwiseWindow implements SendWindow {

        private Sinks.Empty<Void> room = Sinks.empty();

        @Override
        public Mono<Void> awaitRoom() {
            return room.asMono();
        }

        @Override
        public long unsentBytes() {
            return 0;
        }

        private void open() {
            Sinks.Empty<Void> opened = room;
            room = Sinks.empty();
            opened.tryEmitEmpty();
        }

        private void close() {
            room.tryEmitError(new IllegalStateException("closed"));
        }
    }
}
