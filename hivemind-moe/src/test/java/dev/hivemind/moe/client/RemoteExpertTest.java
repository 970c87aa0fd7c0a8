package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.ScriptedPeers.TIMEOUT;
import static dev.hivemind.moe.client.ScriptedPeers.WIDTH;
import static dev.hivemind.moe.client.ScriptedPeers.schema;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.moe.client.ScriptedPeers.Scripted;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;

/** Calls of one expert, without autograd, against peers that keep to a script. */
class RemoteExpertTest {

    @RegisterExtension
    final ScriptedPeers peers = new ScriptedPeers();

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private NDList rows(int rows) {
        return new NDList(arrays.manager().ones(new Shape(rows, WIDTH)));
    }

    private Mono<NDList> forward(RemoteExpert expert, NDList inputs) {
        return expert.forward(arrays.manager(), inputs);
    }

    private static Scripted echoing(ScriptedPeers peers, boolean trainable) {
        return peers.peer(schema(trainable), (caller, request) -> Mono.fromSupplier(() -> ScriptedPeers.echo(request)));
    }

    @Test
    void info_askedByManyAtOnce_asksThePeerOnce() {
        Scripted peer = echoing(peers, true);
        RemoteExpert expert = peers.expert(peer);

        Flux.range(0, 20)
                .flatMap(i -> expert.info().subscribeOn(Schedulers.parallel()))
                .then(Mono.defer(() -> forward(expert, rows(3))))
                .then(Mono.defer(() -> forward(expert.with(CallPolicy.DEFAULT), rows(3))))
                .block(TIMEOUT);

        assertThat(peer.questions).hasValue(1);
    }

    @Test
    void info_thatFailed_isAskedAgain() {
        Scripted peer = echoing(peers, true);
        PeerAddress address = peer.node.addresses().get(0);
        RemoteExpert nowhere = peers.expertAt(
                new ExpertDescriptor(ScriptedPeers.UID, PeerIdentity.generate().id(), List.of(address)),
                CallPolicy.DEFAULT);

        assertThatThrownBy(() -> nowhere.info().block(TIMEOUT)).isInstanceOf(PeerUnavailableException.class);
        assertThatThrownBy(() -> nowhere.info().block(TIMEOUT)).isInstanceOf(PeerUnavailableException.class);
        assertThat(peers.expert(peer).info().block(TIMEOUT)).isEqualTo(schema(true));
    }

    @Test
    void forward_ofAnotherWidth_namesBothSchemasAndSendsNothing() {
        Scripted peer = echoing(peers, true);
        NDList wrong = new NDList(arrays.manager().ones(new Shape(3, 11)));

        assertThatThrownBy(() -> forward(peers.expert(peer), wrong).block(TIMEOUT))
                .isInstanceOf(SchemaMismatchException.class)
                .hasMessageContaining("x: float32(batch, 4)")
                .hasMessageContaining("float32(3, 11)");
        assertThat(peer.forwards).hasValue(0);
    }

    @Test
    void forward_ofMoreRowsThanTheExpertTakes_sendsNothing() {
        Scripted peer = echoing(peers, true);

        assertThatThrownBy(() -> forward(peers.expert(peer), rows(65)).block(TIMEOUT))
                .isInstanceOf(SchemaMismatchException.class)
                .hasMessageContaining("64");
        assertThat(peer.forwards).hasValue(0);
    }

    @Test
    void forward_afterATransientError_isRepeatedUnderTheSameId() {
        List<CallId> ids = Collections.synchronizedList(new ArrayList<>());
        Scripted peer = peers.peer(
                schema(true),
                (caller, request) -> Mono.fromSupplier(() -> {
                    ids.add(request.header().callId());
                    if (ids.size() < 3) {
                        throw new OverloadedException("No room", Duration.ZERO);
                    }
                    return ScriptedPeers.echo(request);
                }));

        NDList outputs = forward(peers.expert(peer), rows(3)).block(TIMEOUT);

        assertThat(outputs.singletonOrThrow().getShape()).isEqualTo(new Shape(3, WIDTH));
        assertThat(ids).hasSize(3);
        assertThat(ids).containsOnly(ids.get(0));
    }

    @Test
    void forward_answeredWithAnotherType_isAFailedCall() {
        Scripted peer = peers.peer(
                schema(true),
                (caller, request) -> Mono.fromSupplier(() -> {
                    NDArray doubles = arrays.manager().ones(new Shape(3, WIDTH), DataType.FLOAT64);
                    return ScriptedPeers.reply(NDArrayFrames.encode(doubles));
                }));

        assertThatThrownBy(() -> forward(peers.expert(peer), rows(3)).block(TIMEOUT))
                .isInstanceOf(ExpertFailedException.class)
                .hasMessageContaining("float64(3, 4)")
                .hasMessageContaining("float32(3, 4)");
    }

    @Test
    void forward_answeredWithNaN_isAFailedCallForThoseWhoLook() {
        Scripted peer = peers.peer(
                schema(true),
                (caller, request) -> Mono.fromSupplier(() -> {
                    Reply echo = ScriptedPeers.echo(request);
                    request.body().setFloatLE(request.body().readerIndex() + 2 * Float.BYTES, Float.NaN);
                    return echo;
                }));
        RemoteExpert expert = peers.expert(peer);

        float[] seen =
                forward(expert, rows(1)).block(TIMEOUT).singletonOrThrow().toFloatArray();

        assertThat(seen).containsExactly(1, 1, Float.NaN, 1);
        assertThatThrownBy(() -> forward(expert.with(CallPolicy.DEFAULT.withFiniteAnswers(true)), rows(1))
                        .block(TIMEOUT))
                .isInstanceOf(ExpertFailedException.class)
                .hasMessageContaining("not finite");
    }

    @Test
    void forward_toAPeerThatAcceptsAndNeverSpeaks_failsByItsDeadline() throws IOException {
        try (var silent = new ServerSocket(0)) {
            var descriptor = new ExpertDescriptor(
                    ScriptedPeers.UID,
                    PeerIdentity.generate().id(),
                    List.of(new PeerAddress("127.0.0.1", silent.getLocalPort())));
            RemoteExpert expert =
                    peers.expertAt(descriptor, CallPolicy.DEFAULT.withForwardTimeout(Duration.ofMillis(200)));

            assertThatThrownBy(() -> forward(expert, rows(3)).block(TIMEOUT))
                    .isInstanceOf(DeadlineExceededException.class);
        }
    }

    @Test
    void forward_thatIsNeverAnswered_failsByItsDeadlineAndIsCancelledAtThePeer() {
        Sinks.Empty<Void> cancelled = Sinks.empty();
        Scripted peer = peers.peer(
                schema(true), (caller, request) -> Mono.<Reply>never().doOnCancel(cancelled::tryEmitEmpty));
        RemoteExpert expert = peers.expert(peer);
        expert.info().block(TIMEOUT);

        assertThatThrownBy(() -> forward(
                                expert.with(CallPolicy.DEFAULT.withForwardTimeout(Duration.ofSeconds(3))), rows(3))
                        .block(TIMEOUT))
                .isInstanceOf(DeadlineExceededException.class);
        cancelled.asMono().block(TIMEOUT);
    }

    @Test
    void forward_ofAFrozenExpertWhoseOwnerDied_goesToAnother() {
        Scripted dead = echoing(peers, false);
        Scripted alive = echoing(peers, false);
        RemoteExpert expert = peers.expert(dead, alive);
        expert.info().block(TIMEOUT);
        dead.node.close().block(TIMEOUT);

        for (int call = 0; call < 6; call++) {
            forward(expert, rows(2)).block(TIMEOUT);
        }

        assertThat(alive.forwards).hasValue(6);
    }

    @Test
    void forward_ofAFrozenExpert_takesTurnsAmongItsOwners() {
        Scripted one = echoing(peers, false);
        Scripted other = echoing(peers, false);
        RemoteExpert expert = peers.expert(one, other);

        for (int call = 0; call < 6; call++) {
            forward(expert, rows(2)).block(TIMEOUT);
        }

        assertThat(one.forwards).hasValue(3);
        assertThat(other.forwards).hasValue(3);
    }

    private static CallPolicy ofNineSeconds() {
        return CallPolicy.DEFAULT.withForwardTimeout(Duration.ofSeconds(9));
    }

    @Test
    void info_ofAnExpertWhoseLatestOwnerIsSilent_comesFromAnother() {
        Scripted silent = peers.silentPeer();
        Scripted frozen = echoing(peers, false);
        ExpertCalls calls = peers.calls(ClientLimits.DEFAULT);

        forward(peers.expert(ofNineSeconds(), calls, silent, frozen), rows(2)).block(TIMEOUT);
        forward(peers.expert(ofNineSeconds(), calls, silent, frozen), rows(2)).block(TIMEOUT);

        assertThat(frozen.forwards).hasValue(2);
        assertThat(silent.questions).hasValue(1);
    }

    @Test
    void forward_ofAFrozenExpertOneOwnerOfWhichIsSilent_goesToAnother() {
        Scripted frozen = echoing(peers, false);
        Scripted silent = peers.silentPeer();
        RemoteExpert expert = peers.expert(ofNineSeconds(), ClientLimits.DEFAULT, frozen, silent);

        for (int call = 0; call < 4; call++) {
            forward(expert, rows(2)).block(TIMEOUT);
        }

        assertThat(frozen.forwards).hasValue(4);
        assertThat(silent.questions).hasValue(1);
    }

    private static CallPolicy patient() {
        return CallPolicy.DEFAULT.withForwardTimeout(Duration.ofMinutes(10));
    }

    @Test
    void forward_inAHurryWhileTheLatestOwnerIsSilent_goesToAnother() {
        Scripted silent = peers.silentPeer();
        Scripted frozen = echoing(peers, false);
        RemoteExpert expert = peers.expert(patient(), ClientLimits.DEFAULT, silent, frozen);

        forward(expert.with(ofNineSeconds()), rows(2)).block(TIMEOUT);

        assertThat(frozen.forwards).hasValue(1);
    }

    @Test
    void forward_inAHurryWhileTheOwnerWhoseTurnItIsIsSilent_goesToAnother() {
        Scripted frozen = echoing(peers, false);
        Scripted silent = peers.silentPeer();
        RemoteExpert expert = peers.expert(patient(), ClientLimits.DEFAULT, frozen, silent);
        expert.info().block(TIMEOUT);

        for (int call = 0; call < 2; call++) {
            forward(expert.with(ofNineSeconds()), rows(2)).block(TIMEOUT);
        }

        assertThat(frozen.forwards).hasValue(2);
        assertThat(silent.questions).hasValue(1);
    }

    @Test
    void forward_ofATrainableExpert_neverGoesToAnOlderOwner() {
        Scripted latest = echoing(peers, true);
        Scripted older = echoing(peers, true);
        RemoteExpert expert = peers.expert(latest, older);
        forward(expert, rows(2)).block(TIMEOUT);
        latest.node.close().block(TIMEOUT);

        assertThatThrownBy(() -> forward(expert, rows(2)).block(TIMEOUT)).isInstanceOf(PeerUnavailableException.class);
        assertThatThrownBy(() -> forward(peers.expert(latest, older), rows(2)).block(TIMEOUT))
                .isInstanceOf(PeerUnavailableException.class);
        assertThat(older.forwards).hasValue(0);
    }

    @Test
    void forward_ofAFrozenExpert_avoidsAnOwnerWhoseExpertIsAnother() {
        Scripted frozen = echoing(peers, false);
        Scripted learning = echoing(peers, true);
        RemoteExpert expert = peers.expert(frozen, learning);

        for (int call = 0; call < 4; call++) {
            forward(expert, rows(2)).block(TIMEOUT);
        }

        assertThat(frozen.forwards).hasValue(4);
        assertThat(learning.forwards).hasValue(0);
    }

    @Test
    void calls_beyondTheLimit_waitUntilOthersEnd() {
        var room = new AtomicBoolean();
        Sinks.Empty<Void> proceed = Sinks.empty();
        Scripted peer = peers.peer(
                schema(true),
                (caller, request) -> proceed.asMono().then(Mono.fromSupplier(() -> ScriptedPeers.echo(request))));
        RemoteExpert expert = peers.expert(CallPolicy.DEFAULT, new ClientLimits(2, 1 << 20), peer);
        expert.info().block(TIMEOUT);
        Mono<Long> twoArrived = Flux.interval(Duration.ofMillis(5))
                .filter(tick -> peer.forwards.get() == 2)
                .next();

        Mono<List<NDList>> all = Flux.range(0, 10)
                .flatMap(i -> forward(expert, rows(1 + i)))
                .doOnNext(outputs -> room.set(true))
                .collectList();
        List<NDList> outputs = Mono.zip(all, twoArrived.doOnNext(tick -> {
                    assertThat(room).isFalse();
                    assertThat(peer.forwards).hasValue(2);
                    proceed.tryEmitEmpty();
                }))
                .block(TIMEOUT)
                .getT1();

        assertThat(outputs.stream().map(list -> list.head().getShape().get(0)))
                .containsExactlyInAnyOrder(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L);
    }

    @Test
    void call_thatFindsNoRoomInTime_blamesTheClient() {
        Scripted peer = peers.peer(schema(true), (caller, request) -> Mono.never());
        RemoteExpert expert = peers.expert(CallPolicy.DEFAULT, new ClientLimits(1, 1), peer);
        expert.info().block(TIMEOUT);
        RemoteExpert impatient = expert.with(CallPolicy.DEFAULT.withForwardTimeout(Duration.ofSeconds(1)));
        var first = forward(expert, rows(1)).subscribe();

        assertThatThrownBy(() -> forward(impatient, rows(1)).block(TIMEOUT))
                .isInstanceOf(OverloadedException.class)
                .hasMessageContaining("too many calls");
        first.dispose();
    }

    @Test
    void calls_cancelledWhileTheyWaitForRoom_leaveNothingBehind() {
        Scripted peer = echoing(peers, true);
        RemoteExpert expert = peers.expert(CallPolicy.DEFAULT, new ClientLimits(1, 1 << 20), peer);
        expert.info().block(TIMEOUT);
        for (int round = 0; round < 200; round++) {
            long delay = 1 + 5_000L * round;
            Flux.range(0, 4)
                    .flatMap(i -> forward(expert, rows(2)))
                    .then()
                    .timeout(Duration.ofNanos(delay), Mono.empty())
                    .block(TIMEOUT);
        }

        assertThat(forward(expert, rows(2)).block(TIMEOUT)).hasSize(1);
    }
}
