package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.ChannelFixture.ASKED_FOR;
import static dev.hivemind.moe.client.ChannelFixture.SERVED;
import static dev.hivemind.moe.client.ChannelFixture.STREAMS;
import static dev.hivemind.moe.client.ChannelFixture.awaitThat;
import static dev.hivemind.moe.client.ChannelFixture.echo;
import static dev.hivemind.moe.client.ChannelFixture.get;
import static dev.hivemind.moe.client.ChannelFixture.halfEcho;
import static dev.hivemind.moe.client.ChannelFixture.limits;
import static dev.hivemind.moe.client.ScriptedPeers.TIMEOUT;
import static dev.hivemind.moe.client.ScriptedPeers.schema;
import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ScriptedPeers.Scripted;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** Calls over long-lived channels, over real sockets. */
class CallChannelsTest {

    @RegisterExtension
    final ChannelFixture streams = new ChannelFixture();

    private final ScriptedPeers peers = streams.peers;

    @Test
    void calls_ofOneExpert_shareAChannelForEachDirection() {
        ExpertCalls calls = streams.calls(StreamLimits.DEFAULT);
        RemoteExpert expert = peers.expert(STREAMS, calls, streams.echoing());

        for (int rows = 1; rows <= 20; rows++) {
            assertThat(streams.forward(expert, rows).block(TIMEOUT)).isEqualTo(rows);
            assertThat(streams.backward(expert, rows).block(TIMEOUT)).isEqualTo(rows);
        }

        assertThat(calls.channels().size()).isEqualTo(2);
    }

    @Test
    void calls_ofAPolicyWithoutStreams_openNone() {
        ExpertCalls calls = streams.calls(StreamLimits.DEFAULT);

        streams.forward(peers.expert(CallPolicy.DEFAULT, calls, streams.echoing()), 1)
                .block(TIMEOUT);

        assertThat(calls.channels().size()).isZero();
    }

    @Test
    void calls_forWhichThePeerHasNoRoom_waitAndAreAnswered() {
        Scripted peer = streams.stalled();
        RemoteExpert expert = peers.expert(STREAMS, streams.calls(StreamLimits.DEFAULT), peer);
        List<CompletableFuture<Long>> answers = streams.fill(expert, peer, 40);

        assertThat(peer.forwards).hasValue(SERVED);
        streams.released.tryEmitEmpty();

        for (int i = 0; i < answers.size(); i++) {
            assertThat(get(answers.get(i))).isEqualTo(i + 1);
        }
    }

    @Test
    void call_beyondThoseThatMayWait_isRefused() {
        Scripted peer = streams.stalled();
        RemoteExpert expert = peers.expert(
                STREAMS.withRetry(CallPolicy.DEFAULT.retry().withMaxAttempts(1)), streams.calls(limits(1, 2)), peer);
        List<CompletableFuture<Long>> answers = new ArrayList<>();
        for (int rows = 1; rows <= SERVED; rows++) {
            int called = rows;
            answers.add(streams.forward(expert, rows).toFuture());
            awaitThat(() -> peer.forwards.get() == called);
        }
        // What the peer has asked for has arrived when this is answered.
        streams.backward(expert, 1).block(TIMEOUT);
        for (int rows = SERVED + 1; rows <= ASKED_FOR + 2; rows++) {
            answers.add(streams.forward(expert, rows).toFuture());
        }

        StepVerifier.create(streams.forward(expert, 17))
                .expectError(OverloadedException.class)
                .verify(TIMEOUT);

        streams.released.tryEmitEmpty();
        answers.forEach(ChannelFixture::get);
    }

    @Test
    void call_givenUpWhileItWaitsHere_neverReachesThePeer() {
        Scripted peer = streams.stalled();
        RemoteExpert expert = peers.expert(STREAMS, streams.calls(StreamLimits.DEFAULT), peer);
        List<CompletableFuture<Long>> answers = streams.fill(expert, peer, ASKED_FOR);

        Disposable waiting = streams.forward(expert, 20).subscribe();
        CompletableFuture<Long> behind = streams.forward(expert, 21).toFuture();
        waiting.dispose();
        streams.released.tryEmitEmpty();

        assertThat(get(behind)).isEqualTo(21);
        answers.forEach(ChannelFixture::get);
        assertThat(peer.forwards).hasValue(ASKED_FOR + 1);
    }

    @Test
    void call_givenUpWhileItIsServed_isCancelledAtThePeerAlone() {
        Scripted peer = streams.stalled();
        RemoteExpert expert = peers.expert(STREAMS, streams.calls(StreamLimits.DEFAULT), peer);
        List<CompletableFuture<Long>> answers = streams.fill(expert, peer, 4);
        Disposable fifth = streams.forward(expert, 5).subscribe();
        awaitThat(() -> peer.forwards.get() == 5);

        fifth.dispose();
        awaitThat(() -> streams.cancelled.get() == 1);
        streams.released.tryEmitEmpty();

        answers.forEach(ChannelFixture::get);
        assertThat(streams.cancelled).hasValue(1);
    }

    @Test
    void call_givenUpBehindThoseThatAreServed_isNotBegunAtThePeer() {
        Scripted peer = streams.stalled();
        RemoteExpert expert = peers.expert(STREAMS, streams.calls(StreamLimits.DEFAULT), peer);
        List<CompletableFuture<Long>> answers = streams.fill(expert, peer, SERVED);
        Disposable behind = streams.forward(expert, 20).subscribe();
        behind.dispose();
        // Another channel of the same connection: what was sent before has arrived when this is answered.
        streams.backward(expert, 1).block(TIMEOUT);

        streams.released.tryEmitEmpty();
        answers.forEach(ChannelFixture::get);

        assertThat(streams.forward(expert, 3).block(TIMEOUT)).isEqualTo(3);
        assertThat(peer.forwards).hasValue(SERVED + 1);
    }

    @Test
    void call_whoseDeadlinePassesWhileItWaitsHere_failsAlone() {
        Scripted peer = streams.stalled();
        RemoteExpert expert = peers.expert(STREAMS, streams.calls(StreamLimits.DEFAULT), peer);
        List<CompletableFuture<Long>> answers = streams.fill(expert, peer, ASKED_FOR + 2);

        StepVerifier.create(streams.forward(expert.with(STREAMS.withForwardTimeout(Duration.ofMillis(200))), 40))
                .expectError(DeadlineExceededException.class)
                .verify(TIMEOUT);
        streams.released.tryEmitEmpty();

        answers.forEach(ChannelFixture::get);
        assertThat(peer.forwards).hasValue(ASKED_FOR + 2);
    }

    @Test
    void calls_ofASlowExpert_keepNobodyElseWaiting() {
        Scripted peer = peers.peer(
                schema(true),
                (caller, request) ->
                        request.header().target().equals("scripted.1") ? echo(request) : streams.late(request),
                (caller, request) -> halfEcho(request));
        ExpertCalls calls = streams.calls(StreamLimits.DEFAULT);
        RemoteExpert slow = peers.expert(STREAMS, calls, peer);
        RemoteExpert other = peers.expertAt(
                new ExpertDescriptor(new ExpertUid("scripted.1"), peer.node.id(), peer.node.addresses()), STREAMS);
        List<CompletableFuture<Long>> answers = streams.fill(slow, peer, 40);

        assertThat(streams.backward(slow, 3).block(TIMEOUT)).isEqualTo(3);
        assertThat(Flux.range(1, 30)
                        .concatMap(rows -> streams.forward(other, rows))
                        .count()
                        .block(TIMEOUT))
                .isEqualTo(30);

        streams.released.tryEmitEmpty();
        answers.forEach(ChannelFixture::get);
    }

    @Test
    void call_forWhichAllChannelsAreBusy_isMadeAlone() {
        Scripted peer = streams.stalled();
        ExpertCalls calls = streams.calls(limits(1, 10));
        RemoteExpert expert = peers.expert(STREAMS, calls, peer);
        List<CompletableFuture<Long>> answers = streams.fill(expert, peer, 2);

        assertThat(streams.backward(expert, 3).block(TIMEOUT)).isEqualTo(3);

        assertThat(calls.channels().size()).isOne();
        streams.released.tryEmitEmpty();
        answers.forEach(ChannelFixture::get);
    }

    @Test
    void calls_givenUpAtAnyMoment_leaveNothingBehind() {
        RemoteExpert expert = peers.expert(STREAMS, streams.calls(StreamLimits.DEFAULT), streams.echoing());
        for (int round = 0; round < 200; round++) {
            Flux.range(1, 20)
                    .flatMap(rows -> rows % 2 == 0 ? streams.forward(expert, rows) : streams.backward(expert, rows), 20)
                    .then()
                    .timeout(Duration.ofNanos(1 + 10_000L * round), Mono.empty())
                    .block(TIMEOUT);
        }

        assertThat(streams.forward(expert, 3).block(TIMEOUT)).isEqualTo(3);
    }
}
