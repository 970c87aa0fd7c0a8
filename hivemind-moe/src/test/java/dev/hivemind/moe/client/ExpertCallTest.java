package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.ScriptedPeers.TIMEOUT;
import static dev.hivemind.moe.client.ScriptedPeers.WIDTH;
import static dev.hivemind.moe.client.ScriptedPeers.schema;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.OverloadedException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

/** What one call holds on its way, and for how long. */
class ExpertCallTest {

    @RegisterExtension
    final ScriptedPeers peers = new ScriptedPeers();

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private ExpertCalls calls;
    private Owners owners;

    @BeforeEach
    void askForTheSchema() {
        calls = peers.calls(ClientLimits.DEFAULT);
        owners = peers.owners(calls, peers.peer(schema(true), (caller, request) -> Mono.never()));
        owners.schema(TIMEOUT, peer -> {}).block(TIMEOUT);
    }

    private CallRoute route(CallRoute.Transport transport) {
        return new CallRoute(owners, calls, transport);
    }

    private Supplier<List<OutgoingTensor>> ones() {
        NDArray ones = arrays.manager().ones(new Shape(2, WIDTH));
        return () -> OutgoingTensor.inputs(new NDList(ones));
    }

    private Mono<Reply> answer(CallRoute.Transport transport, Supplier<List<OutgoingTensor>> tensors) {
        return ExpertCall.answer(CallKind.FORWARD, route(transport), CallPolicy.DEFAULT, tensors);
    }

    private static Mono<Reply> echo(PendingRequest pending) {
        return Mono.fromSupplier(() -> {
            Request request = pending.take(compression -> true);
            return new Reply(request.header().tensors(), request.body());
        });
    }

    @Test
    void take_onceTheCallIsCancelled_givesNothing() {
        var pending = new AtomicReference<PendingRequest>();
        Disposable call = answer(
                        (request, turn) -> {
                            pending.set(request);
                            return Mono.never();
                        },
                        ones())
                .subscribe();

        call.dispose();

        assertThat(pending.get().take(compression -> true)).isNull();
    }

    @Test
    void take_beforeTheCallIsCancelled_givesARequestThatOutlivesIt() {
        var pending = new AtomicReference<PendingRequest>();
        Disposable call = answer(
                        (request, turn) -> {
                            pending.set(request);
                            return Mono.never();
                        },
                        ones())
                .subscribe();
        Request taken = pending.get().take(compression -> true);

        call.dispose();

        assertThat(taken.body().refCnt()).isOne();
        taken.release();
    }

    @Test
    void result_thatIsStillMade_countsAsACallUnderWay() {
        Sinks.One<String> made = Sinks.one();
        Mono<String> result = ExpertCall.result(
                CallKind.FORWARD,
                route((request, turn) -> echo(request)),
                CallPolicy.DEFAULT,
                ones(),
                reply -> made.asMono().doFinally(end -> reply.release()));

        StepVerifier.create(result)
                .then(() -> assertThat(calls.gate().underWay()).isOne())
                .then(() -> made.tryEmitValue("made"))
                .expectNext("made")
                .expectComplete()
                .verify(TIMEOUT);
        assertThat(calls.gate().underWay()).isZero();
    }

    @Test
    void answer_thatIsNotYetReleased_leavesRoomForOtherCalls() {
        Reply reply = answer((request, turn) -> echo(request), ones()).block(TIMEOUT);

        assertThat(calls.gate().underWay()).isZero();
        reply.release();
    }

    @Test
    void answer_withoutMemoryForTheTensors_isATransientError() {
        NDArray large = withoutMemory(arrays.manager().ones(new Shape(2, WIDTH)));

        StepVerifier.create(answer((request, turn) -> echo(request), () -> OutgoingTensor.inputs(new NDList(large))))
                .expectError(OverloadedException.class)
                .verify(TIMEOUT);
        assertThat(calls.gate().underWay()).isZero();
    }

    @Test
    void answer_whenTheCallerFailsBadly_endsWithAnError() {
        StepVerifier.create(answer((request, turn) -> echo(request), () -> {
                    throw new StackOverflowError("in the caller's code");
                }))
                .expectErrorSatisfies(error -> assertThat(error).hasCauseInstanceOf(StackOverflowError.class))
                .verify(TIMEOUT);
        assertThat(calls.gate().underWay()).isZero();
    }

    /** The array, whose elements cannot be copied. */
    private static NDArray withoutMemory(NDArray array) {
        return (NDArray) Proxy.newProxyInstance(
                NDArray.class.getClassLoader(), new Class<?>[] {NDArray.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("toByteBuffer")) {
                        throw new OutOfMemoryError("for a test");
                    }
                    try {
                        return method.invoke(array, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }
}
