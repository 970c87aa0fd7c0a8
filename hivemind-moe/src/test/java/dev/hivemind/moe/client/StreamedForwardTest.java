package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.ScriptedPeers.TIMEOUT;
import static dev.hivemind.moe.client.ScriptedPeers.WIDTH;
import static dev.hivemind.moe.client.ScriptedPeers.schema;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.ScriptedPeers.Scripted;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.testkit.FaultProxy;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

/** Many forward calls over one channel. Inputs are told apart by their rows. */
class StreamedForwardTest {

    @RegisterExtension
    final ScriptedPeers peers = new ScriptedPeers();

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private Flux<NDList> inputs(int count) {
        return Flux.range(1, count).map(rows -> new NDList(arrays.manager().ones(new Shape(rows, WIDTH))));
    }

    private static long rows(Request request) {
        return request.header().tensors().get(0).shape().get(0);
    }

    private static List<Long> oneTo(int count) {
        return LongStream.rangeClosed(1, count).boxed().toList();
    }

    private Flux<Long> rowsOfResults(RemoteExpert expert, Flux<NDList> inputs) {
        return expert.forward(arrays.manager(), inputs)
                .map(outputs -> outputs.singletonOrThrow().getShape().get(0));
    }

    @Test
    void results_ofCallsThatEndInAnotherOrder_comeInTheOrderOfTheInputs() {
        Sinks.Empty<Void> fourthCame = Sinks.empty();
        Scripted peer = peers.peer(schema(true), (caller, request) -> {
            if (rows(request) == 4) {
                fourthCame.tryEmitEmpty();
            }
            Mono<Reply> echo = Mono.fromSupplier(() -> ScriptedPeers.echo(request));
            return rows(request) == 1 ? fourthCame.asMono().then(echo) : echo;
        });

        List<Long> received =
                rowsOfResults(peers.expert(peer), inputs(40)).collectList().block(TIMEOUT);

        assertThat(received).isEqualTo(oneTo(40));
        assertThat(peer.questions).hasValue(1);
    }

    @Test
    void results_ofNoInputs_areNone() {
        Scripted peer = peers.peer(schema(true), (caller, request) -> Mono.never());

        assertThat(rowsOfResults(peers.expert(peer), inputs(0)).collectList().block(TIMEOUT))
                .isEmpty();
    }

    @Test
    void inputs_whoseResultsNobodyReads_areNotTakenWithoutEnd() {
        var taken = new AtomicInteger();
        Scripted peer =
                peers.peer(schema(true), (caller, request) -> Mono.fromSupplier(() -> ScriptedPeers.echo(request)));

        StepVerifier.create(rowsOfResults(peers.expert(peer), inputs(64).doOnNext(input -> taken.incrementAndGet())), 0)
                .expectSubscription()
                .thenRequest(3)
                .expectNext(1L, 2L, 3L)
                .then(() -> assertThat(taken).hasValueLessThanOrEqualTo(3 + StreamedCalls.MAX_TAKEN + 2))
                .thenRequest(61)
                .expectNextCount(61)
                .expectComplete()
                .verify(TIMEOUT);
    }

    private static CallPolicy patient() {
        return CallPolicy.DEFAULT
                .withForwardTimeout(TIMEOUT)
                .withRetry(CallPolicy.DEFAULT.retry().withMaxAttempts(30));
    }

    @Test
    void results_afterTheConnectionBroke_areComplete() {
        var cut = new AtomicBoolean();
        AtomicInteger served = new AtomicInteger();
        FaultProxy[] proxy = new FaultProxy[1];
        Scripted peer = peers.peer(
                schema(true),
                (caller, request) -> Mono.fromSupplier(() -> {
                    if (served.incrementAndGet() == 10 && cut.compareAndSet(false, true)) {
                        proxy[0].cut();
                    }
                    return ScriptedPeers.echo(request);
                }));
        proxy[0] = FaultProxy.start(
                new InetSocketAddress("127.0.0.1", peer.node.addresses().get(0).port()));
        try {
            RemoteExpert expert = peers.expertAt(
                    peer.descriptorAt(List.of(new PeerAddress("127.0.0.1", proxy[0].port()))), patient());

            assertThat(rowsOfResults(expert, inputs(40)).collectList().block(TIMEOUT))
                    .isEqualTo(oneTo(40));
        } finally {
            proxy[0].close();
        }
        assertThat(cut).isTrue();
    }

    @Test
    void results_ofCallsThatFoundNoRoomAtFirst_areComplete() {
        var refused = new AtomicInteger();
        Scripted peer = peers.peer(
                schema(true),
                (caller, request) -> Mono.fromSupplier(() -> {
                    if (refused.incrementAndGet() % 3 == 0) {
                        throw new OverloadedException("No room", Duration.ZERO);
                    }
                    return ScriptedPeers.echo(request);
                }));

        assertThat(rowsOfResults(peers.expert(peer).with(patient()), inputs(20))
                        .collectList()
                        .block(TIMEOUT))
                .isEqualTo(oneTo(20));
    }

    @Test
    void results_afterACallFailed_endWithItsError() {
        Scripted peer = peers.peer(
                schema(true),
                (caller, request) -> Mono.fromSupplier(() -> {
                    if (rows(request) == 5) {
                        throw new ExpertFailedException("Not five rows");
                    }
                    return ScriptedPeers.echo(request);
                }));

        StepVerifier.create(rowsOfResults(peers.expert(peer), inputs(40)).ignoreElements())
                .expectError(ExpertFailedException.class)
                .verify(TIMEOUT);
    }

    @Test
    void results_ofAnInputThatDoesNotFit_endWithAMismatch() {
        Scripted peer =
                peers.peer(schema(true), (caller, request) -> Mono.fromSupplier(() -> ScriptedPeers.echo(request)));
        Flux<NDList> wrong = Flux.just(new NDList(arrays.manager().ones(new Shape(2, 11))));

        StepVerifier.create(rowsOfResults(peers.expert(peer), wrong))
                .expectError(SchemaMismatchException.class)
                .verify(TIMEOUT);
        assertThat(peer.forwards).hasValue(0);
    }

    @Test
    void results_thatNeverCome_failByTheDeadline() {
        Scripted peer = peers.peer(schema(true), (caller, request) -> Mono.never());
        RemoteExpert expert = peers.expert(peer);
        expert.info().block(TIMEOUT);

        StepVerifier.create(rowsOfResults(
                        expert.with(CallPolicy.DEFAULT.withForwardTimeout(Duration.ofMillis(200))), inputs(3)))
                .expectError(DeadlineExceededException.class)
                .verify(TIMEOUT);
    }

    @Test
    void results_cancelledAtAnyMoment_leaveNothingBehind() {
        Scripted peer =
                peers.peer(schema(true), (caller, request) -> Mono.fromSupplier(() -> ScriptedPeers.echo(request)));
        RemoteExpert expert = peers.expert(peer);
        for (int round = 0; round < 150; round++) {
            rowsOfResults(expert, inputs(30))
                    .then()
                    .timeout(Duration.ofNanos(1 + 20_000L * round), Mono.empty())
                    .block(TIMEOUT);
        }

        assertThat(rowsOfResults(expert, inputs(3)).collectList().block(TIMEOUT))
                .isEqualTo(oneTo(3));
    }

    @Test
    void results_cancelled_cancelTheCallsAtThePeer() {
        Sinks.Empty<Void> cancelled = Sinks.empty();
        Sinks.Empty<Void> arrived = Sinks.empty();
        Scripted peer = peers.peer(
                schema(true),
                (caller, request) -> Mono.<Reply>never()
                        .doOnSubscribe(subscription -> arrived.tryEmitEmpty())
                        .doOnCancel(cancelled::tryEmitEmpty));

        var results = rowsOfResults(peers.expert(peer), inputs(1)).subscribe();
        arrived.asMono().block(TIMEOUT);
        results.dispose();

        cancelled.asMono().block(TIMEOUT);
    }
}
