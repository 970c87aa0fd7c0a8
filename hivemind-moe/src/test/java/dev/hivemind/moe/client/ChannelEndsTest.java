package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.ChannelFixture.ASKED_FOR;
import static dev.hivemind.moe.client.ChannelFixture.SERVED;
import static dev.hivemind.moe.client.ChannelFixture.STREAMS;
import static dev.hivemind.moe.client.ChannelFixture.awaitThat;
import static dev.hivemind.moe.client.ChannelFixture.get;
import static dev.hivemind.moe.client.ChannelFixture.limits;
import static dev.hivemind.moe.client.ScriptedPeers.TIMEOUT;
import static dev.hivemind.moe.client.ScriptedPeers.WIDTH;
import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.moe.client.ScriptedPeers.Scripted;
import dev.hivemind.rsocket.ConnectionLimits;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.RetryPolicy;
import dev.hivemind.rsocket.compression.Compression;
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
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;
import reactor.util.retry.Retry;

/** Channels that nobody needs any more, that are closed, and that cannot be opened. */
class ChannelEndsTest {

    @RegisterExtension
    final ChannelFixture streams = new ChannelFixture();

    private final ScriptedPeers peers = streams.peers;

    @Test
    void channel_withoutCalls_isClosedAfterAWhile() {
        ExpertCalls calls = streams.calls(new StreamLimits(4, 4, 10, Duration.ofMillis(50)));
        RemoteExpert expert = peers.expert(STREAMS, calls, streams.echoing());
        for (int round = 1; round <= 3; round++) {
            assertThat(streams.forward(expert, round).block(TIMEOUT)).isEqualTo(round);

            awaitThat(() -> calls.channels().size() == 0);
        }
    }

    @Test
    void channel_withACallUnderWay_isNotClosed() {
        Scripted peer = streams.stalled();
        ExpertCalls calls = streams.calls(new StreamLimits(4, 4, 10, Duration.ofMillis(20)));
        RemoteExpert expert = peers.expert(STREAMS, calls, peer);
        List<CompletableFuture<Long>> answers = streams.fill(expert, peer, 2);
        streams.backward(expert, 1).block(TIMEOUT);

        awaitThat(() -> calls.channels().size() == 1);
        streams.released.tryEmitEmpty();

        answers.forEach(ChannelFixture::get);
        awaitThat(() -> calls.channels().size() == 0);
    }

    @Test
    void channel_thatIsNeeded_takesThePlaceOfTheLeastRecentlyUsed() {
        ExpertCalls calls = streams.calls(limits(1, 10));
        RemoteExpert expert = peers.expert(STREAMS, calls, streams.echoing());

        for (int rows = 1; rows <= 5; rows++) {
            assertThat(streams.forward(expert, rows).block(TIMEOUT)).isEqualTo(rows);
            assertThat(streams.backward(expert, rows).block(TIMEOUT)).isEqualTo(rows);
        }

        assertThat(calls.channels().size()).isOne();
    }

    @Test
    void calls_whoseConnectionBreaks_areMadeOverAnother() {
        Scripted peer = streams.stalled();
        try (FaultProxy proxy = FaultProxy.start(
                new InetSocketAddress("127.0.0.1", peer.node.addresses().get(0).port()))) {
            RemoteExpert expert = peers.expertAt(
                    peer.descriptorAt(List.of(new PeerAddress("127.0.0.1", proxy.port()))),
                    STREAMS.withRetry(RetryPolicy.DEFAULT.withMaxAttempts(30)));
            List<CompletableFuture<Long>> answers = streams.fill(expert, peer, ASKED_FOR + 2);

            proxy.cut();
            awaitThat(() -> peer.forwards.get() >= 2 * SERVED);
            streams.released.tryEmitEmpty();

            for (int i = 0; i < answers.size(); i++) {
                assertThat(get(answers.get(i))).isEqualTo(i + 1);
            }
        }
    }

    @Test
    void calls_afterTheChannelsWereClosed_areMadeAlone() {
        ExpertCalls calls = streams.calls(StreamLimits.DEFAULT);
        RemoteExpert expert = peers.expert(STREAMS, calls, streams.echoing());
        streams.forward(expert, 1).block(TIMEOUT);

        calls.channels().dispose();

        assertThat(calls.channels().size()).isZero();
        assertThat(streams.forward(expert, 2).block(TIMEOUT)).isEqualTo(2);
    }

    @Test
    void dispose_whileACallOfAReplacedChannelIsUnderWay_endsIt() {
        Scripted peer = streams.stalled();
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
        Scripted peer = streams.stalled();
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
}
