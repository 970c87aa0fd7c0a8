package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.moe.tensor.RowFrames;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * An expert that another peer hosts. An expert that learns has one owner, which holds the weights and steps its own
 * optimizer once per backward call; all calls go there. One that says of itself that it is frozen may be hosted by
 * several peers, of which any is called.
 *
 * <p>The first call asks for the schema, and every call is compared with it before anything is sent; an answer is
 * compared with it before the engine sees it. Calls are repeated after transient errors, under the same id, so that an
 * expert never steps twice for one call. They wait while the client has as much under way as its {@link ClientLimits}
 * allow.
 *
 * <p>Errors of every call are {@link RpcException}s: {@link SchemaMismatchException} if the expert does not take such
 * tensors, {@link ExpertFailedException} if the expert could not compute an answer, and with a
 * {@link ProtocolViolationException} as its cause if the answer is not what the schema promises,
 * {@link DeadlineExceededException} when the time of the {@link CallPolicy} is over, {@link OverloadedException} when it
 * is over before this client had room for the call.
 *
 * <p>Threads: safe for use from any thread that may call the engine. Inputs are encoded by the thread that subscribes or
 * by the client's own tensor thread, on which results arrive. Once a cancellation has returned, neither the inputs nor
 * the manager of the results are touched any more.
 */
public final class RemoteExpert {

    private final Owners owners;
    private final ExpertCalls calls;
    private final CallPolicy policy;
    private final Consumer<PeerId> asked;
    private final CallRoute route;

    private RemoteExpert(Owners owners, ExpertCalls calls, CallPolicy policy, Consumer<PeerId> asked) {
        this.owners = owners;
        this.calls = calls;
        this.policy = policy;
        this.asked = asked;
        this.route = policy.streams()
                ? CallRoute.ofStreams(owners, calls, asked)
                : CallRoute.ofSingleCalls(owners, calls, asked);
    }

    /** {@code descriptors} are of one expert, at least one, the latest declared first. */
    static RemoteExpert of(PeerNode node, List<ExpertDescriptor> descriptors, ExpertCalls calls, CallPolicy policy) {
        return new RemoteExpert(new Owners(node, descriptors, policy, calls.backoff()), calls, policy, peer -> {});
    }

    /** The same expert, called by another policy. */
    public RemoteExpert with(CallPolicy other) {
        return new RemoteExpert(owners, calls, requireNonNull(other, "policy"), asked);
    }

    /**
     * The same expert, which tells whom it asks: the latest peer is to thank for the answer of a call, or to blame for its
     * failure, whichever of several owners that is. Of {@link #info} it is told as well and, before an error, whose that is. Nobody is
     * told of calls that end before there was room for them. There is one listener: a further one replaces the former.
     *
     * @param listener is told before every attempt of every call, on any thread; returns at once, and must not throw
     */
    public RemoteExpert tellingWhomItAsks(Consumer<PeerId> listener) {
        return new RemoteExpert(owners, calls, policy, requireNonNull(listener, "listener"));
    }

    /** The same expert, whose arrays are made and read on another client's tensor thread. */
    RemoteExpert on(Scheduler tensors) {
        return calls.tensors() == tensors ? this : new RemoteExpert(owners, calls.on(tensors), policy, asked);
    }

    /** The name of the expert. */
    public ExpertUid uid() {
        return owners.uid();
    }

    /** The peer that hosts it; of several that host a frozen expert, the one that told its schema, or will be asked first. */
    public PeerId owner() {
        return owners.preferred();
    }

    /**
     * What the expert takes and gives. Asked of its peer once, and remembered; an error is not. One of several peers that
     * keeps silent for its part of the policy's forward timeout is passed over.
     */
    public Mono<ExpertSchema> info() {
        return owners.schema(policy.forwardTimeout(), asked);
    }

    /** Whether {@link #info} is remembered, and asks nobody. */
    public boolean isKnown() {
        return owners.knownSchema() != null;
    }

    /**
     * The expert's outputs, without a graph.
     *
     * <p>Cancellation reaches the peer. Ownership: borrows the inputs until the Mono ends; the outputs belong to the
     * manager.
     *
     * @param manager owns the outputs
     * @param inputs as the expert's schema says, batch first
     */
    public Mono<NDList> forward(NDManager manager, NDList inputs) {
        return decoded(manager, CallKind.FORWARD, () -> OutgoingTensor.inputs(inputs));
    }

    /**
     * The outputs for each of many inputs, in their order, over the expert's long-lived stream.
     *
     * <p>Demand: at most 16 calls are ahead of what was requested; then no further input is requested. The time of a
     * call begins when its input is taken. The first call that fails, after its repetitions, ends the Flux at once.
     *
     * <p>Cancellation reaches the calls under way at the peer. Ownership: borrows each list of inputs until its outputs
     * are emitted or the Flux ends; the outputs belong to the manager.
     *
     * @param manager owns the outputs
     * @param inputs as the expert's schema says, batch first; requested one by one
     */
    public Flux<NDList> forward(NDManager manager, Flux<NDList> inputs) {
        requireNonNull(manager, "manager");
        return StreamedCalls.results(
                CallRoute.ofStreams(owners, calls, asked), policy, inputs, reply -> decode(manager, reply));
    }

    /**
     * The gradients of the inputs; the expert recomputes its outputs and takes one optimizer step.
     *
     * <p>Cancellation reaches the peer, but a step that has begun is finished. Ownership: borrows the arguments until
     * the Mono ends; the gradients belong to the manager.
     *
     * @param manager owns the gradients
     * @param inputs as they were given to {@link #forward(NDManager, NDList)}
     * @param outputGradients one for every output, of the same shape
     */
    public Mono<NDList> backward(NDManager manager, NDList inputs, NDList outputGradients) {
        return decoded(manager, CallKind.BACKWARD, () -> OutgoingTensor.inputsAndGradients(inputs, outputGradients));
    }

    /**
     * The outputs for some rows of a batch, still as bytes: what layers are made of that spread a batch over experts.
     *
     * <p>Cancellation reaches the peer. Ownership: borrows the inputs until the Mono ends, and reads them on the thread
     * that subscribes if the schema is known and the client has room; the receiver owns the reply.
     *
     * @param inputs as the expert's schema says, batch first
     * @param rows the numbers of the rows, in the order in which they are sent
     */
    public Mono<Reply> forwardRows(NDList inputs, int[] rows) {
        return forwardReply(() -> OutgoingTensor.inputRows(inputs, rows));
    }

    /**
     * The gradients of some rows of a batch, still as bytes; the expert takes one optimizer step. Threads and ownership
     * are those of {@link #forwardRows}.
     *
     * @param inputs as they were given to {@link #forwardRows}, with these rows
     * @param outputGradients one for every output, batch first
     * @param gradientRows the numbers of their rows, in the order of {@code rows}
     */
    public Mono<Reply> backwardRows(NDList inputs, int[] rows, NDList outputGradients, int[] gradientRows) {
        return backwardReply(() -> OutgoingTensor.inputAndGradientRows(inputs, rows, outputGradients, gradientRows));
    }

    /** This expert as a layer of a reactive pipeline. */
    public Layer asLayer() {
        return Layer.remote(this);
    }

    /** This expert as a DJL block, once it has told its schema. Errors are those of {@link #info}. */
    public Mono<RemoteExpertBlock> asBlock() {
        return RemoteExpertBlock.create(this);
    }

    /** A forward call, whose answer has been compared with the schema. Borrows the arrays until the Mono ends. */
    Mono<Reply> forwardReply(Supplier<List<OutgoingTensor>> tensors) {
        return reply(CallKind.FORWARD, tensors);
    }

    /** A backward call, whose answer has been compared with the schema. Borrows the arrays until the Mono ends. */
    Mono<Reply> backwardReply(Supplier<List<OutgoingTensor>> tensors) {
        return reply(CallKind.BACKWARD, tensors);
    }

    private Mono<Reply> reply(CallKind kind, Supplier<List<OutgoingTensor>> tensors) {
        return ExpertCall.answer(kind, route, policy, tensors);
    }

    private Mono<NDList> decoded(NDManager manager, CallKind kind, Supplier<List<OutgoingTensor>> tensors) {
        requireNonNull(manager, "manager");
        return ExpertCall.result(
                kind,
                route,
                policy,
                tensors,
                reply -> DecodedReply.on(calls.tensors(), reply, taken -> decode(manager, taken)));
    }

    /**
     * The tensors of an answer as arrays. Borrows the reply.
     *
     * @throws ExpertFailedException if the policy asks for finite numbers and there are others
     */
    NDList decode(NDManager manager, Reply reply) {
        if (policy.finiteAnswers() && !reply.tensors().stream().allMatch(RowFrames::isFinite)) {
            throw new ExpertFailedException("%s answered with numbers that are not finite".formatted(uid()));
        }
        return NDArrayFrames.decode(manager, reply.tensors());
    }

    @Override
    public String toString() {
        return "RemoteExpert[" + uid() + " at " + owner().toShortString() + "]";
    }
}
