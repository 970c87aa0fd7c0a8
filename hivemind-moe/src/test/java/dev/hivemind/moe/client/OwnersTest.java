package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.ScriptedPeers.TIMEOUT;
import static dev.hivemind.moe.client.ScriptedPeers.WIDTH;
import static dev.hivemind.moe.client.ScriptedPeers.schema;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.ScriptedPeers.Scripted;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcTransientException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Whose word counts among the owners of an expert, and who of them is left alone. */
class OwnersTest {

    /** Of a client for which all callers here are in haste. */
    private static final CallPolicy PATIENT = CallPolicy.DEFAULT.withForwardTimeout(Duration.ofMinutes(30));

    /** A third of it passes until a second owner is asked. */
    private static final Duration HASTE = Duration.ofSeconds(9);

    private static final Duration TOO_SHORT = Duration.ofMillis(50);

    @RegisterExtension
    final ScriptedPeers peers = new ScriptedPeers();

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private ExpertCalls calls;

    @BeforeEach
    void share() {
        calls = peers.calls(ClientLimits.DEFAULT);
    }

    private Scripted telling(Mono<ExpertSchema> schema) {
        return peers.peerThatTells(schema, (caller, request) -> Mono.fromSupplier(() -> ScriptedPeers.echo(request)));
    }

    private NDList forward(RemoteExpert expert) {
        return expert.forward(arrays.manager(), new NDList(arrays.manager().ones(new Shape(2, WIDTH))))
                .block(TIMEOUT);
    }

    private boolean isBanned(Scripted peer) {
        return calls.backoff().isBanned(peer.node.id());
    }

    @Test
    void schema_afterAHurriedCallerTookAnOldersWord_isTheLatests() throws Exception {
        Sinks.One<ExpertSchema> late = Sinks.one();
        Scripted latest = telling(late.asMono());
        Scripted older = telling(Mono.just(schema(false)));
        Owners owners = peers.owners(PATIENT, calls, latest, older);
        assertThat(owners.schema(HASTE, peer -> {}).block(TIMEOUT)).isEqualTo(schema(false));

        CompletableFuture<ExpertSchema> patient =
                owners.schema(PATIENT.forwardTimeout(), peer -> {}).toFuture();
        late.tryEmitValue(schema(true));

        assertThat(patient.get(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isEqualTo(schema(true));
        assertThat(owners.preferred()).isEqualTo(latest.node.id());
        assertThat(isBanned(latest)).isFalse();
    }

    @Test
    void call_inHasteWhileTheLatestIsSlow_goesToTheOlder() {
        Scripted latest = telling(Mono.never());
        Scripted older = telling(Mono.just(schema(false)));
        RemoteExpert expert = peers.expert(PATIENT, calls, latest, older);
        RemoteExpert hurried = expert.with(CallPolicy.DEFAULT.withForwardTimeout(HASTE));

        forward(hurried);
        forward(hurried);

        assertThat(older.forwards).hasValue(2);
        assertThat(expert.isKnown()).isFalse();
    }

    @Test
    void call_ofAnExpertWhoseLatestOwnerComesBackAndLearns_goesThereAlone() {
        var answer = new AtomicReference<Mono<ExpertSchema>>(Mono.error(new PeerUnavailableException("I am starting")));
        Scripted latest = telling(Mono.defer(answer::get));
        Scripted older = telling(Mono.just(schema(false)));
        RemoteExpert expert = peers.expert(PATIENT, calls, latest, older);
        assertThat(expert.info().block(TIMEOUT)).isEqualTo(schema(false));
        answer.set(Mono.just(schema(true)));
        calls.backoff().succeeded(latest.node.id());

        forward(expert);
        forward(expert);

        assertThat(latest.forwards).hasValue(2);
        assertThat(older.forwards).hasValue(0);
        assertThat(expert.info().block(TIMEOUT)).isEqualTo(schema(true));
        assertThat(isBanned(latest)).isFalse();
    }

    @Test
    void schema_inTooMuchHaste_bansNobody() {
        Scripted one = peers.silentPeer();
        Scripted other = peers.silentPeer();
        Owners owners = peers.owners(PATIENT, calls, one, other);

        assertThatThrownBy(() -> owners.schema(TOO_SHORT, peer -> {}).block(TIMEOUT))
                .isInstanceOf(RpcTransientException.class);

        assertThat(isBanned(one)).isFalse();
        assertThat(isBanned(other)).isFalse();
    }

    @Test
    void call_inTooMuchHaste_bansNobody() {
        Scripted one = peers.peer(schema(false), (caller, request) -> Mono.never());
        Scripted other = peers.peer(schema(false), (caller, request) -> Mono.never());
        RemoteExpert expert = peers.expert(PATIENT, calls, one, other);
        expert.info().block(TIMEOUT);
        RemoteExpert hurried = expert.with(CallPolicy.DEFAULT.withForwardTimeout(TOO_SHORT));

        for (int call = 0; call < 2; call++) {
            assertThatThrownBy(() -> forward(hurried)).isInstanceOf(RpcTransientException.class);
        }

        assertThat(isBanned(one)).isFalse();
        assertThat(isBanned(other)).isFalse();
    }

    @Test
    void schema_thatAllCallersGaveUp_isNotWaitedForAnyMore() {
        Sinks.Empty<Void> asked = Sinks.empty();
        Sinks.Empty<Void> ended = Sinks.empty();
        Scripted peer = telling(Mono.<ExpertSchema>never()
                .doOnSubscribe(subscribed -> asked.tryEmitEmpty())
                .doOnCancel(ended::tryEmitEmpty));
        Disposable hurried =
                peers.owners(calls, peer).schema(TIMEOUT, blamed -> {}).subscribe();
        asked.asMono().block(TIMEOUT);

        hurried.dispose();

        assertThat(ended.asMono().blockOptional(TIMEOUT)).isEmpty();
    }

    /** As after two billion calls and one. */
    @Test
    void call_whoseTurnIsNegativeWhileAllAreBanned_goesToOne() {
        Scripted one = telling(Mono.just(schema(false)));
        Scripted other = telling(Mono.just(schema(false)));
        Owners owners = peers.owners(calls, one, other);
        owners.schema(TIMEOUT, peer -> {}).block(TIMEOUT);
        calls.backoff().failed(one.node.id());
        calls.backoff().failed(other.node.id());
        var route = new CallRoute(
                owners,
                calls,
                (request, turn) -> owners.call(
                        Integer.MIN_VALUE + 1, request, peer -> {}, to -> UnderstoodRequest.send(to, request)));

        ExpertCall.answer(
                        CallKind.FORWARD,
                        route,
                        CallPolicy.DEFAULT,
                        () -> OutgoingTensor.inputs(new NDList(arrays.manager().ones(new Shape(2, WIDTH)))))
                .block(TIMEOUT)
                .release();

        assertThat(one.forwards.get() + other.forwards.get()).isOne();
    }
}
