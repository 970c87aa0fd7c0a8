package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.ScriptedPeers.TIMEOUT;
import static dev.hivemind.moe.client.ScriptedPeers.WIDTH;
import static dev.hivemind.moe.client.ScriptedPeers.schema;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ScriptedPeers.Scripted;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.rsocket.ConnectionLimits;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.RetryPolicy;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.frame.Route;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.testkit.FaultProxy;
import io.netty.buffer.Unpooled;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;
import reactor.util.retry.Retry;

/** Calls over long-lived channels, over real sockets. Inputs are told apart by their rows. */
class CallChannelsTest {

    private static final CallPolicy STREAMS = CallPolicy.DEFAULT
            .withForwardTimeout(TIMEOUT)
            .withBackwardTimeout(TIMEOUT)
            .withStreams(true);

    /** A peer serves 16 calls of a channel at once, and asks for 12 more. */
    private static final int SERVED = 16;

    private static final int ASKED_FOR = 28;

    @RegisterExtension
    final ScriptedPeers peers = new ScriptedPeers();

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Sinks.Empty<Void> released = Sinks.empty();
    private final AtomicInteger cancelled = new AtomicInteger();

    private static Mono<Reply> echo(Request request) {
        return Mono.fromSupplier(() -> ScriptedPeers.echo(request));
    }

    /** Answers once it is let go on. */
    private Mono<Reply> late(Request request) {
        return released.asMono().then(echo(request)).doOnCancel(cancelled::incrementAndGet);
    }

    private Scripted echoing() {
        return peers.peer(schema(true), (caller, request) -> echo(request), (caller, request) -> halfEcho(request));
    }

    private Scripted stalled() {
        return peers.peer(schema(true), (caller, request) -> late(request), (caller, request) -> halfEcho(request));
    }

    /** The gradients of the inputs are those of the outputs. */
    private static Mono<Reply> halfEcho(Request request) {
        return Mono.fromSupplier(() -> ScriptedPeers.reply(gradient(request)));
    }

    private static TensorFrame gradient(Request request) {
        TensorFrame gradient = request.tensors().get(1);
        return new TensorFrame(gradient.descriptor(), gradient.data().retain());
    }

    private ExpertCalls calls(StreamLimits limits) {
        return peers.calls(ClientLimits.DEFAULT.withStreams(limits));
    }

    private static StreamLimits limits(int channels, int waiting) {
        return new StreamLimits(channels, channels, waiting, TIMEOUT.multipliedBy(3));
    }

    private NDList rows(int count) {
        return new NDList(arrays.manager().ones(new Shape(count, WIDTH)));
    }

    private Mono<Long> forward(RemoteExpert expert, int rows) {
        return expert.forward(arrays.manager(), rows(rows))
                .map(outputs -> outputs.singletonOrThrow().getShape().get(0));
    }

    private Mono<Long> backward(RemoteExpert expert, int rows) {
        return expert.backward(arrays.manager(), rows(rows), rows(rows))
                .map(outputs -> outputs.singletonOrThrow().getShape().get(0));
    }

    private static void awaitThat(BooleanSupplier condition) {
        Mono.fromSupplier(condition::getAsBoolean)
                .repeatWhen(again -> again.delayElements(Duration.ofMillis(5)))
                .takeUntil(holds -> holds)
                .blockLast(TIMEOUT);
    }

    /** Calls of 1, 2, 3... rows; the peer has got all it asks for. */
    private List<CompletableFuture<Long>> fill(RemoteExpert expert, Scripted peer, int count) {
        expert.info().block(TIMEOUT);
        List<CompletableFuture<Long>> answers = new ArrayList<>();
        for (int rows = 1; rows <= count; rows++) {
            answers.add(forward(expert, rows).toFuture());
        }
        awaitThat(() -> peer.forwards.get() == Math.min(count, SERVED));
        return answers;
    }

    private static long get(CompletableFuture<Long> answer) {
        return answer.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join();
    }

    @Test
    void calls_ofOneExpert_shareAChannelForEachDirection() {
        ExpertCalls calls = calls(StreamLimits.DEFAULT);
        RemoteExpert expert = peers.expert(STREAMS, calls, echoing());

        for (int rows = 1; rows <= 20; rows++) {
            assertThat(forward(expert, rows).block(TIMEOUT)).isEqualTo(rows);
            assertThat(backward(expert, rows).block(TIMEOUT)).isEqualTo(rows);
        }

        assertThat(calls.channels().size()).isEqualTo(2);
    }

    @Test
    void calls_ofAPolicyWithoutStreams_openNone() {
        ExpertCalls calls = calls(StreamLimits.DEFAULT);

        forward(peers.expert(CallPolicy.DEFAULT, calls, echoing()), 1).block(TIMEOUT);

        assertThat(calls.channels().size()).isZero();
    }

    @Test
    void calls_forWhichThePeerHasNoRoom_waitAndAreAnswered() {
        Scripted peer = stalled();
        RemoteExpert expert = peers.expert(STREAMS, calls(StreamLimits.DEFAULT), peer);
        List<CompletableFuture<Long>> answers = fill(expert, peer, 40);

        assertThat(peer.forwards).hasValue(SERVED);
        released.tryEmitEmpty();

        for (int i = 0; i < answers.size(); i++) {
            assertThat(get(answers.get(i))).isEqualTo(i + 1);
        }
    }

    @Test
    void call_beyondThoseThatMayWait_isRefused() {
        Scripted peer = stalled();
        RemoteExpert expert = peers.expert(
                STREAMS.withRetry(CallPolicy.DEFAULT.retry().withMaxAttempts(1)), calls(limits(1, 2)), peer);
        List<CompletableFuture<Long>> answers = new ArrayList<>();
        for (int rows = 1; rows <= SERVED; rows++) {
            int called = rows;
            answers.add(forward(expert, rows).toFuture());
            awaitThat(() -> peer.forwards.get() == called);
        }
        // What the peer has asked for has arrived when this is answered.
        backward(expert, 1).block(TIMEOUT);
        for (int rows = SERVED + 1; rows <= ASKED_FOR + 2; rows++) {
            answers.add(forward(expert, rows).toFuture());
        }

        StepVerifier.create(forward(expert, 17))
                .expectError(OverloadedException.class)
                .verify(TIMEOUT);

        released.tryEmitEmpty();
        answers.forEach(CallChannelsTest::get);
    }

    @Test
    void call_givenUpWhileItWaitsHere_neverReachesThePeer() {
        Scripted peer = stalled();
        RemoteExpert expert = peers.expert(STREAMS, calls(StreamLimits.DEFAULT), peer);
        List<CompletableFuture<Long>> answers = fill(expert, peer, ASKED_FOR);

        Disposable waiting = forward(expert, 20).subscribe();
        CompletableFuture<Long> behind = forward(expert, 21).toFuture();
        waiting.dispose();
        released.tryEmitEmpty();

        assertThat(get(behind)).isEqualTo(21);
        answers.forEach(CallChannelsTest::get);
        assertThat(peer.forwards).hasValue(ASKED_FOR + 1);
    }

    @Test
    void call_givenUpWhileItIsServed_isCancelledAtThePeerAlone() {
        Scripted peer = stalled();
        RemoteExpert expert = peers.expert(STREAMS, calls(StreamLimits.DEFAULT), peer);
        List<CompletableFuture<Long>> answers = fill(expert, peer, 4);
        Disposable fifth = forward(expert, 5).subscribe();
        awaitThat(() -> peer.forwards.get() == 5);

        fifth.dispose();
        awaitThat(() -> cancelled.get() == 1);
        released.tryEmitEmpty();

        answers.forEach(CallChannelsTest::get);
        assertThat(cancelled).hasValue(1);
    }

    @Test
    void call_givenUpBehindThoseThatAreServed_isNotBegunAtThePeer() {
        Scripted peer = stalled();
        RemoteExpert expert = peers.expert(STREAMS, calls(StreamLimits.DEFAULT), peer);
        List<CompletableFuture<Long>> answers = fill(expert, peer, SERVED);
        Disposable behind = forward(expert, 20).subscribe();
        behind.dispose();
        // Another channel of the same connection: what was sent before has arrived when this is answered.
        backward(expert, 1).block(TIMEOUT);

        released.tryEmitEmpty();
        answers.forEach(CallChannelsTest::get);

        assertThat(forward(expert, 3).block(TIMEOUT)).isEqualTo(3);
        assertThat(peer.forwards).hasValue(SERVED + 1);
    }

    @Test
    void call_whoseDeadlinePassesWhileItWaitsHere_failsAlone() {
        Scripted peer = stalled();
        RemoteExpert expert = peers.expert(STREAMS, calls(StreamLimits.DEFAULT), peer);
        List<CompletableFuture<Long>> answers = fill(expert, peer, ASKED_FOR + 2);

        StepVerifier.create(forward(expert.with(STREAMS.withForwardTimeout(Duration.ofMillis(200))), 40))
                .expectError(DeadlineExceededException.class)
                .verify(TIMEOUT);
        released.tryEmitEmpty();

        answers.forEach(CallChannelsTest::get);
        assertThat(peer.forwards).hasValue(ASKED_FOR + 2);
    }

    @Test
    void calls_ofASlowExpert_keepNobodyElseWaiting() {
        Scripted peer = peers.peer(
                schema(true),
                (caller, request) -> request.header().target().equals("scripted.1") ? echo(request) : late(request),
                (caller, request) -> halfEcho(request));
        ExpertCalls calls = calls(StreamLimits.DEFAULT);
        RemoteExpert slow = peers.expert(STREAMS, calls, peer);
        RemoteExpert other = peers.expertAt(
                new ExpertDescriptor(new ExpertUid("scripted.1"), peer.node.id(), peer.node.addresses()), STREAMS);
        List<CompletableFuture<Long>> answers = fill(slow, peer, 40);

        assertThat(backward(slow, 3).block(TIMEOUT)).isEqualTo(3);
        assertThat(Flux.range(1, 30)
                        .concatMap(rows -> forward(other, rows))
                        .count()
                        .block(TIMEOUT))
                .isEqualTo(30);

        released.tryEmitEmpty();
        answers.forEach(CallChannelsTest::get);
    }

    @Test
    void channel_withoutCalls_isClosedAfterAWhile() {
        ExpertCalls calls = calls(new StreamLimits(4, 4, 10, Duration.ofMillis(50)));
        RemoteExpert expert = peers.expert(STREAMS, calls, echoing());
        for (int round = 1; round <= 3; round++) {
            assertThat(forward(expert, round).block(TIMEOUT)).isEqualTo(round);

            awaitThat(() -> calls.channels().size() == 0);
        }
    }

    @Test
    void channel_withACallUnderWay_isNotClosed() {
        Scripted peer = stalled();
        ExpertCalls calls = calls(new StreamLimits(4, 4, 10, Duration.ofMillis(20)));
        RemoteExpert expert = peers.expert(STREAMS, calls, peer);
        List<CompletableFuture<Long>> answers = fill(expert, peer, 2);
        backward(expert, 1).block(TIMEOUT);

        awaitThat(() -> calls.channels().size() == 1);
        released.tryEmitEmpty();

        answers.forEach(CallChannelsTest::get);
        awaitThat(() -> calls.channels().size() == 0);
    }

    @Test
    void channel_thatIsNeeded_takesThePlaceOfTheLeastRecentlyUsed() {
        ExpertCalls calls = calls(limits(1, 10));
        RemoteExpert expert = peers.expert(STREAMS, calls, echoing());

        for (int rows = 1; rows <= 5; rows++) {
            assertThat(forward(expert, rows).block(TIMEOUT)).isEqualTo(rows);
            assertThat(backward(expert, rows).block(TIMEOUT)).isEqualTo(rows);
        }

        assertThat(calls.channels().size()).isOne();
    }

    @Test
    void call_forWhichAllChannelsAreBusy_isMadeAlone() {
        Scripted peer = stalled();
        ExpertCalls calls = calls(limits(1, 10));
        RemoteExpert expert = peers.expert(STREAMS, calls, peer);
        List<CompletableFuture<Long>> answers = fill(expert, peer, 2);

        assertThat(backward(expert, 3).block(TIMEOUT)).isEqualTo(3);

        assertThat(calls.channels().size()).isOne();
        released.tryEmitEmpty();
        answers.forEach(CallChannelsTest::get);
    }

    @Test
    void calls_whoseConnectionBreaks_areMadeOverAnother() {
        Scripted peer = stalled();
        try (FaultProxy proxy = FaultProxy.start(
                new InetSocketAddress("127.0.0.1", peer.node.addresses().get(0).port()))) {
            RemoteExpert expert = peers.expertAt(
                    peer.descriptorAt(List.of(new PeerAddress("127.0.0.1", proxy.port()))),
                    STREAMS.withRetry(RetryPolicy.DEFAULT.withMaxAttempts(30)));
            List<CompletableFuture<Long>> answers = fill(expert, peer, ASKED_FOR + 2);

            proxy.cut();
            awaitThat(() -> peer.forwards.get() >= 2 * SERVED);
            released.tryEmitEmpty();

            for (int i = 0; i < answers.size(); i++) {
                assertThat(get(answers.get(i))).isEqualTo(i + 1);
            }
        }
    }

    @Test
    void calls_afterTheChannelsWereClosed_areMadeAlone() {
        ExpertCalls calls = calls(StreamLimits.DEFAULT);
        RemoteExpert expert = peers.expert(STREAMS, calls, echoing());
        forward(expert, 1).block(TIMEOUT);

        calls.channels().dispose();

        assertThat(calls.channels().size()).isZero();
        assertThat(forward(expert, 2).block(TIMEOUT)).isEqualTo(2);
    }

    @Test
    void dispose_whileACallOfAReplacedChannelIsUnderWay_endsIt() {
        Scripted peer = stalled();
        PeerNode one = PeerNode.builder().build();
        PeerNode another = PeerNode.builder().build();
        var channels = new CallChannels(StreamLimits.DEFAULT, Schedulers.newSingle("test-channels", true));
        CompletableFuture<Reply> replaced = channels.send(connect(one, peer), ScriptedPeers.UID, new OneRow())
                .toFuture();
        CompletableFuture<Reply> current = channels.send(connect(another, peer), ScriptedPeers.UID, new OneRow())
                .toFuture();
        awaitThat(() -> peer.forwards.get() == 2);

        channels.dispose();

        assertThat(replaced).failsWithin(TIMEOUT);
        assertThat(current).failsWithin(TIMEOUT);
        one.close().then(another.close()).block(TIMEOUT);
    }

    @Test
    void call_onAChannelThatThePeerRefuses_failsForItsReason() {
        Scripted peer = stalled();
        PeerNode node = PeerNode.builder().build();
        PeerConnection connection = connect(node, peer);
        var route = new Route(Operation.EXPERT_FORWARD, ScriptedPeers.UID.toString());
        Disposable.Composite busy = Disposables.composite();
        for (int i = 0; i < ConnectionLimits.DEFAULT.maxChannels(); i++) {
            Mono<Request> one = Mono.fromSupplier(() -> new OneRow().take(codec -> true));
            busy.add(connection.stream(route, one.concatWith(Mono.never())).subscribe(Reply::release));
        }
        awaitThat(() -> peer.forwards.get() == ConnectionLimits.DEFAULT.maxChannels());
        var channels = new CallChannels(StreamLimits.DEFAULT, Schedulers.newSingle("test-channels", true));

        // A slow machine may give up waiting for the reason.
        StepVerifier.create(Mono.defer(() -> channels.send(connection, ScriptedPeers.UID, new OneRow()))
                        .retryWhen(Retry.max(20).filter(PeerUnavailableException.class::isInstance)))
                .expectError(OverloadedException.class)
                .verify(TIMEOUT);

        channels.dispose();
        busy.dispose();
        node.close().block(TIMEOUT);
    }

    private static PeerConnection connect(PeerNode node, Scripted peer) {
        return node.connect(peer.node.addresses().get(0)).blockOptional(TIMEOUT).orElseThrow();
    }

    /** A forward call. */
    private static final class OneRow implements PendingRequest {

        private final CallId id = CallId.random();
        private final Duration timeout = TIMEOUT.multipliedBy(3);
        private final Deadline deadline = Deadline.after(timeout);

        @Override
        public CallId id() {
            return id;
        }

        @Override
        public Operation operation() {
            return Operation.EXPERT_FORWARD;
        }

        @Override
        public Duration timeout() {
            return timeout;
        }

        @Override
        public Deadline deadline() {
            return deadline;
        }

        @Override
        public Request take(Predicate<Compression> supported) {
            var row = TensorDescriptor.of(ElementType.FLOAT32, 1, WIDTH);
            var frame = new TensorFrame(row, Unpooled.buffer().writeZero(WIDTH * Float.BYTES));
            return Request.ofTensors(operation(), ScriptedPeers.UID.toString(), TIMEOUT, List.of(frame));
        }
    }

    @Test
    void calls_givenUpAtAnyMoment_leaveNothingBehind() {
        RemoteExpert expert = peers.expert(STREAMS, calls(StreamLimits.DEFAULT), echoing());
        for (int round = 0; round < 200; round++) {
            Flux.range(1, 20)
                    .flatMap(rows -> rows % 2 == 0 ? forward(expert, rows) : backward(expert, rows), 20)
                    .then()
                    .timeout(Duration.ofNanos(1 + 10_000L * round), Mono.empty())
                    .block(TIMEOUT);
        }

        assertThat(forward(expert, 3).block(TIMEOUT)).isEqualTo(3);
    }
}
