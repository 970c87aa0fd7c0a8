package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledHeapByteBuf;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.test.StepVerifier;

class GatheringTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final Duration AFTER_ENOUGH = Duration.ofSeconds(1);
    private static final PeerId PEER = PeerIdentity.generate().id();
    private static final PeerId OTHER = PeerIdentity.generate().id();
    private static final long OF_THE_FIRST = TimeUnit.MILLISECONDS.toNanos(1);
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** More than an event loop has time for. */
    private static final int MANY = 50_000;

    private final List<MonoSink<Reply>> calls = new ArrayList<>();
    private final List<Boolean> cancelled = new ArrayList<>();
    private final List<Reply> replies = new ArrayList<>();

    @AfterEach
    void everyReplyIsReleased() {
        assertThat(replies)
                .allSatisfy(reply -> assertThat(reply.body().refCnt()).isZero());
    }

    private Mono<Answers> gathering(int needed, @Nullable Duration afterEnough, int[]... rowsOfGroups) {
        List<Group> groups = new ArrayList<>();
        for (int[] rows : rowsOfGroups) {
            groups.add(new Group(groups.size(), null, rows, rows));
        }
        return Gathering.of(groups, this::call, new Gathering.Rules(2, needed, TIMEOUT, afterEnough));
    }

    private Mono<Reply> call(Group group, Consumer<PeerId> asked) {
        return Mono.create(sink -> {
            asked.accept(OTHER);
            asked.accept(PEER);
            calls.add(sink);
            cancelled.add(false);
            sink.onCancel(() -> cancelled.set(group.expert(), true));
        });
    }

    private Reply reply(float value) {
        return reply(Unpooled.directBuffer(Float.BYTES).writeFloatLE(value));
    }

    /** A row of as many numbers as there are. */
    private Reply reply(ByteBuf numbers) {
        var descriptor = TensorDescriptor.of(ElementType.FLOAT32, 1, numbers.readableBytes() / Float.BYTES);
        Reply reply = Reply.ofTensors(List.of(new TensorFrame(descriptor, numbers)));
        replies.add(reply);
        return reply;
    }

    private static int[] rows(int... rows) {
        return rows;
    }

    private static int taken(Answers answers) {
        return answers.use(List::size);
    }

    private static StepVerifier.FirstStep<Answers> verify(Supplier<Mono<Answers>> gathering) {
        return StepVerifier.withVirtualTime(gathering);
    }

    @Test
    void calls_thatAllEnd_areGathered() {
        verify(() -> gathering(1, null, rows(0), rows(0, 1)))
                .then(() -> calls.get(0).success(reply(1)))
                .then(() -> calls.get(1).error(new PeerUnavailableException("gone")))
                .assertNext(answers -> {
                    assertThat(answers.failures()).singleElement().satisfies(failure -> {
                        assertThat(failure.group().expert()).isOne();
                        assertThat(failure.peer()).isEqualTo(PEER);
                        assertThat(failure.dispensable()).isFalse();
                    });
                    assertThat(taken(answers)).isOne();
                })
                .expectComplete()
                .verify(PATIENCE);
    }

    @Test
    void owner_thatIsAskedAfterAnother_hasHadOnlyTheRestOfTheTime() {
        verify(() -> Gathering.of(List.of(group(null)), GatheringTest::callOfTwo, rules()))
                .thenAwait(TIMEOUT)
                .assertNext(answers -> assertThat(answers.failures())
                        .singleElement()
                        .satisfies(failure -> {
                            assertThat(failure.peer()).isEqualTo(PEER);
                            assertThat(failure.peerNanos()).isBetween(0L, failure.nanos() - OF_THE_FIRST);
                        }))
                .expectComplete()
                .verify(PATIENCE);
    }

    private static Mono<Reply> callOfTwo(Group group, Consumer<PeerId> asked) {
        asked.accept(OTHER);
        long since = System.nanoTime();
        while (System.nanoTime() - since < OF_THE_FIRST) {
            Thread.onSpinWait();
        }
        asked.accept(PEER);
        return Mono.never();
    }

    @Test
    void call_thatNeverGetsToAPeer_tellsThatNobodyWasAsked() {
        PeerNode node = PeerNode.builder().build();
        ExpertClient client = ExpertClient.create(
                node, new ExpertDirectory(DhtNode.builder(node).build()));
        RemoteExpert expert = client.remote(
                new ExpertDescriptor(new ExpertUid("ffn.0"), PEER, List.of(new PeerAddress("127.0.0.1", 1))));

        verify(() -> Gathering.of(List.of(group(expert)), (group, asked) -> Mono.never(), rules()))
                .thenAwait(TIMEOUT)
                .assertNext(answers -> assertThat(answers.failures())
                        .singleElement()
                        .satisfies(failure -> {
                            assertThat(failure.peer()).isEqualTo(PEER);
                            assertThat(failure.wasAsked()).isFalse();
                        }))
                .expectComplete()
                .verify(PATIENCE);

        client.dispose();
        node.close().block(PATIENCE);
    }

    private static Group group(@Nullable RemoteExpert expert) {
        return new Group(0, expert, rows(0), rows(0));
    }

    private static Gathering.Rules rules() {
        return new Gathering.Rules(1, 1, TIMEOUT, null);
    }

    @Test
    void calls_thatAreLate_areCancelledWhenTheTimeIsOver() {
        verify(() -> gathering(1, null, rows(0), rows(1)))
                .then(() -> calls.get(0).success(reply(1)))
                .expectNoEvent(TIMEOUT.minusMillis(1))
                .thenAwait(Duration.ofMillis(1))
                .assertNext(answers -> {
                    assertThat(answers.failures())
                            .singleElement()
                            .satisfies(failure ->
                                    assertThat(failure.error()).isInstanceOf(DeadlineExceededException.class));
                    assertThat(taken(answers)).isOne();
                })
                .expectComplete()
                .verify(PATIENCE);
        assertThat(cancelled).containsExactly(false, true);
    }

    @Test
    void calls_beyondWhatEveryRowNeeds_areWaitedForAWhile() {
        verify(() -> gathering(1, AFTER_ENOUGH, rows(0), rows(1), rows(0, 1)))
                .then(() -> calls.get(0).success(reply(1)))
                .expectNoEvent(AFTER_ENOUGH.multipliedBy(2))
                .then(() -> calls.get(1).success(reply(1)))
                .expectNoEvent(AFTER_ENOUGH.minusMillis(1))
                .thenAwait(Duration.ofMillis(1))
                .assertNext(answers -> {
                    assertThat(answers.failures()).singleElement().matches(Failure::dispensable);
                    assertThat(taken(answers)).isEqualTo(2);
                })
                .expectComplete()
                .verify(PATIENCE);
        assertThat(cancelled).containsExactly(false, false, true);
    }

    @Test
    void calls_thatNobodyNeeds_areWaitedForAWhile() {
        verify(() -> gathering(0, AFTER_ENOUGH, rows(0), rows(1)))
                .expectSubscription()
                .expectNoEvent(AFTER_ENOUGH.minusMillis(1))
                .thenAwait(Duration.ofMillis(1))
                .assertNext(answers -> assertThat(taken(answers)).isZero())
                .expectComplete()
                .verify(PATIENCE);
    }

    @Test
    void rows_thatCannotGetWhatTheyNeed_holdNobodyUp() {
        verify(() -> gathering(2, AFTER_ENOUGH, rows(0), rows(1), rows(1), rows(1)))
                .then(() -> calls.get(0).error(new PeerUnavailableException("gone")))
                .then(() -> calls.get(1).success(reply(1)))
                .expectNoEvent(AFTER_ENOUGH)
                .then(() -> calls.get(2).success(reply(1)))
                .thenAwait(AFTER_ENOUGH)
                .assertNext(answers -> assertThat(taken(answers)).isEqualTo(2))
                .expectComplete()
                .verify(PATIENCE);
    }

    @Test
    void gathering_thatIsCancelled_cancelsItsCallsAndReleasesReplies() {
        verify(() -> gathering(1, null, rows(0), rows(1)))
                .then(() -> calls.get(0).success(reply(1)))
                .thenCancel()
                .verify(PATIENCE);
        assertThat(cancelled).containsExactly(false, true);
    }

    @Test
    void answers_thatNobodyUses_areReleasedOnce() {
        verify(() -> gathering(1, null, rows(0, 1)))
                .then(() -> calls.get(0).success(reply(1)))
                .assertNext(answers -> {
                    answers.release();
                    answers.release();
                    assertThat(answers.<Integer>use(List::size)).isNull();
                })
                .expectComplete()
                .verify(PATIENCE);
    }

    @Test
    void numbers_thatAreNotFinite_areAFailure() {
        verify(() -> gathering(1, null, rows(0, 1)))
                .then(() -> calls.get(0).success(reply(Float.NaN)))
                .assertNext(answers -> assertThat(answers.failures())
                        .singleElement()
                        .satisfies(failure -> assertThat(failure.error()).isInstanceOf(ExpertFailedException.class)))
                .expectComplete()
                .verify(PATIENCE);
    }

    @Test
    void answer_thatCannotBeRead_isReleasedAndFailsTheGathering() {
        verify(() -> gathering(1, null, rows(0), rows(1)))
                .then(() -> calls.get(0).success(reply(numbers(1, GatheringTest::fail))))
                .expectErrorMessage("unreadable")
                .verify(PATIENCE);
    }

    @Test
    void largeAnswer_isLookedAtByAnotherThreadThanThatOfItsConnection() {
        List<Thread> readers = new CopyOnWriteArrayList<>();
        ByteBuf numbers = numbers(MANY, () -> readers.add(Thread.currentThread()));

        StepVerifier.create(gathering(1, null, rows(0, 1)))
                .then(() -> calls.get(0).success(reply(numbers)))
                .assertNext(answers -> assertThat(taken(answers)).isOne())
                .expectComplete()
                .verify(PATIENCE);

        assertThat(readers).isNotEmpty().doesNotContain(Thread.currentThread());
    }

    @Test
    void largeAnswer_thatCannotBeRead_isReleasedAndFailsTheGathering() {
        StepVerifier.create(gathering(1, null, rows(0), rows(1)))
                .then(() -> calls.get(0).success(reply(numbers(MANY, GatheringTest::fail))))
                .expectErrorMessage("unreadable")
                .verify(PATIENCE);
    }

    private static void fail() {
        throw new IllegalStateException("unreadable");
    }

    /** So many zeros, and what happens before they are read. */
    private static ByteBuf numbers(int count, Runnable beforeReading) {
        int bytes = count * Float.BYTES;
        var numbers = new UnpooledHeapByteBuf(UnpooledByteBufAllocator.DEFAULT, bytes, bytes) {
            @Override
            public ByteBuf getBytes(int index, ByteBuffer target) {
                beforeReading.run();
                return super.getBytes(index, target);
            }

            @Override
            public ByteBuffer nioBuffer(int index, int length) {
                beforeReading.run();
                return super.nioBuffer(index, length);
            }
        };
        return numbers.writeZero(bytes);
    }

    @Test
    void call_thatFailsForAReasonOfOurOwn_failsTheGathering() {
        verify(() -> gathering(1, null, rows(0), rows(1)))
                .then(() -> calls.get(0).success(reply(1)))
                .then(() -> calls.get(1).error(new IllegalStateException("The client is closed")))
                .expectErrorMessage("The client is closed")
                .verify(PATIENCE);
    }

    @Test
    void gathering_ofNoCalls_endsAtOnce() {
        verify(() -> gathering(1, null))
                .assertNext(answers -> assertThat(taken(answers)).isZero())
                .expectComplete()
                .verify(PATIENCE);
    }
}
