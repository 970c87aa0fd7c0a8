package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/**
 * Autograd across the network as a pipeline that nobody waits for: what {@link RemoteTape} is for plain loops.
 *
 * <pre>{@code
 * Mono<Float> step = ReactiveTape.step(client, tape -> Mono.just(batch)
 *         .flatMap(x -> Layer.remote(expert4).then(Layer.remote(expert1)).then(Layer.local(head)).forward(tape, x))
 *         .flatMap(outputs -> tape.local(() -> loss(outputs)))
 *         .flatMap(loss -> tape.backward(loss).then(tape.local(loss::getFloat))));
 * }</pre>
 *
 * <p>Branches are pipelines that are zipped. Any number of tapes may be at work in one process, each in a step of its
 * own.
 *
 * <p>Threads: all local computation of all tapes of a client runs on the client's tensor thread, in grad mode, and results
 * are signalled there. Work of your own on arrays of the tape belongs into {@link #local}, also that of a {@code map}. The
 * trap of {@link RemoteTape} holds here as well: constants inside the graph are arrays of {@link #manager()}.
 *
 * <p>Cancellation of the step cancels calls under way, and frees what lives on the tape at once or as soon as the local
 * computation under way ends. Errors of calls are those of {@link RemoteExpert}.
 */
public final class ReactiveTape {

    private final ExpertCalls calls;
    private final WorkScope scope;
    private final Recording<Function<NDList, Mono<NDList>>> recording;

    private boolean wentBackward;

    private ReactiveTape(ExpertCalls calls, boolean records) {
        this.calls = calls;
        this.scope = new WorkScope(records);
        this.recording = new Recording<>(scope.manager());
    }

    /**
     * One step with a tape of its own, which lives until the step ends. Cold.
     *
     * @param client whose tensor thread computes
     * @param step from the tape to a result that outlives it: a number, or arrays of another manager
     */
    public static <T> Mono<T> step(ExpertClient client, Function<ReactiveTape, Mono<T>> step) {
        return step(client, true, step);
    }

    /**
     * One step that only goes forward: the same as {@link #step}, with grad mode off, so that layers give outputs and
     * nothing is kept for a way back. Cold.
     *
     * @param client whose tensor thread computes
     * @param step from the tape to a result that outlives it: a number, or arrays of another manager
     */
    public static <T> Mono<T> forwardOnly(ExpertClient client, Function<ReactiveTape, Mono<T>> step) {
        return step(client, false, step);
    }

    private static <T> Mono<T> step(ExpertClient client, boolean records, Function<ReactiveTape, Mono<T>> step) {
        requireNonNull(client, "client");
        requireNonNull(step, "step");
        return Mono.using(() -> new ReactiveTape(client.calls(), records), step, tape -> tape.scope.close());
    }

    /** Whether there will be a way back; if not, layers need not behave as in training. */
    public boolean isRecording() {
        return scope.hasGradients();
    }

    /** Owns what is computed on the tape; closed with it. */
    public NDManager manager() {
        return scope.manager();
    }

    /**
     * Computes something that becomes part of the graph.
     *
     * @param computation runs on the tensor thread, in grad mode if the tape {@linkplain #isRecording records}
     */
    public <T> Mono<T> local(Supplier<T> computation) {
        return Mono.create(sink -> schedule(() -> scope.record(computation), sink));
    }

    /**
     * Puts a layer that is computed elsewhere on the tape. To be called inside {@link #local}.
     *
     * @param outputs arrays of the tape's manager
     * @param backward from the gradients of the outputs to those of the inputs, in their order; subscribed on the tensor
     *     thread, where it also emits
     * @return the outputs as leaves of the local graph; as they are if the tape does not record
     */
    public NDList record(NDList inputs, NDList outputs, Function<NDList, Mono<NDList>> backward) {
        return isRecording() ? recording.add(inputs, outputs, backward) : outputs;
    }

    /** Calls an expert of any client, and records the call; the outputs belong to the tape. */
    public Mono<NDList> forward(RemoteExpert expert, NDList inputs) {
        return forward(expert, inputs, answered -> {});
    }

    /**
     * {@link #forward(RemoteExpert, NDList)} with a look at what the expert gives back.
     *
     * @param onGradients told of the gradients of the inputs, in their order, before they go on; borrowed. On the tensor
     *     thread. What it throws ends the way back
     */
    public Mono<NDList> forward(RemoteExpert expert, NDList inputs, Consumer<NDList> onGradients) {
        RemoteExpert layer = expert.on(calls.tensors());
        NDList given = new NDList(inputs);
        return layer.forward(manager(), given)
                .flatMap(outputs -> here(() -> record(
                        given,
                        outputs,
                        gradients -> layer.backward(manager(), given, gradients).doOnNext(onGradients))));
    }

    /**
     * Fills in the gradients of everything that the loss depends on, here and at the experts, which step their
     * optimizers. Experts on which the loss does not depend are not called. Once per tape: a second time ends in an
     * {@link IllegalStateException}.
     *
     * @param loss any shape; its elements are summed
     */
    public Mono<Void> backward(NDArray loss) {
        return local(() -> {
                    requireFirst();
                    TensorOps.vectorJacobianProduct(loss, loss.onesLike(), true);
                    return loss;
                })
                .then(Mono.defer(this::allBackward));
    }

    /** On the tensor thread. */
    private void requireFirst() {
        if (!isRecording()) {
            throw new IllegalStateException("A tape that only goes forward has no way back");
        }
        if (wentBackward) {
            throw new IllegalStateException("A tape goes backward once: take another step");
        }
        wentBackward = true;
    }

    /** From the last layer to the first; recursion would grow with their number. */
    private Mono<Void> allBackward() {
        boolean[] done = {false};
        return Mono.defer(() -> lastBackward().doOnSuccess(went -> done[0] = went == null))
                .repeat(() -> !done[0])
                .then();
    }

    /** Empty when no layer is left. */
    private Mono<Boolean> lastBackward() {
        return Mono.defer(() -> local(() -> Optional.ofNullable(recording.takeLast())))
                .flatMap(last -> last.isPresent() ? backward(last.get()) : Mono.empty());
    }

    private Mono<Boolean> backward(Recording.Passed<Function<NDList, Mono<NDList>>> last) {
        return last.backward()
                .apply(last.outputGradients())
                .flatMap(gradients -> here(() -> {
                    last.propagate(gradients);
                    return true;
                }));
    }

    /** Work on the calling thread, which is the tensor thread. */
    private <T> Mono<T> here(Supplier<T> work) {
        return Mono.fromSupplier(() -> scope.record(work)).onErrorComplete(WorkScope.StepOverException.class);
    }

    private <T> void schedule(Supplier<T> work, MonoSink<T> sink) {
        try {
            calls.tensors().schedule(() -> {
                try {
                    sink.success(work.get());
                } catch (WorkScope.StepOverException over) {
                    sink.success();
                } catch (RuntimeException | Error e) {
                    sink.error(e);
                }
            });
        } catch (RejectedExecutionException disposed) {
            sink.error(new IllegalStateException("The client is closed", disposed));
        }
    }
}
