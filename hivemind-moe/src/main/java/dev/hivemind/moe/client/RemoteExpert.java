package dev.hivemind.moe.client;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.proto.ExpertSchemaMessage;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.RetryPolicy;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.List;
import java.util.function.Function;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * An expert that another peer hosts. Forward and backward go to the same peer, which holds the weights and steps its
 * own optimizer once per backward call.
 *
 * <p>Errors of every call are {@link RpcException}s. Safe for use from any thread that may call the engine: inputs are
 * encoded on the thread that subscribes, and results arrive on the client's own tensor thread.
 */
public final class RemoteExpert {

    private static final RetryPolicy ONE_MORE = RetryPolicy.DEFAULT.withMaxAttempts(2);

    private final PeerNode node;
    private final ExpertDescriptor descriptor;
    private final CallPolicy policy;
    private final Scheduler tensors;

    RemoteExpert(PeerNode node, ExpertDescriptor descriptor, CallPolicy policy, Scheduler tensors) {
        this.node = node;
        this.descriptor = descriptor;
        this.policy = policy;
        this.tensors = tensors;
    }

    /** The same expert, called by another policy. */
    public RemoteExpert with(CallPolicy other) {
        return new RemoteExpert(node, descriptor, other, tensors);
    }

    /** The name of the expert. */
    public ExpertUid uid() {
        return descriptor.uid();
    }

    /** The peer that hosts it. */
    public PeerId owner() {
        return descriptor.peerId();
    }

    /** What the expert takes and gives; asked of its peer on every subscription. */
    public Mono<ExpertSchema> info() {
        return Mono.using(
                () -> Request.ofMessage(
                        Operation.EXPERT_INFO,
                        uid().toString(),
                        policy.forwardTimeout(),
                        ExpertSchemaMessage.getDefaultInstance()),
                request -> send(request).map(RemoteExpert::readSchema),
                Request::release);
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
        return decode(manager, forwardFrames(roles -> NDArrayFrames.encode(inputs, roles.activations())));
    }

    /**
     * The gradients of the inputs; the expert recomputes its outputs and takes one optimizer step.
     *
     * <p>Repeated once if the connection breaks or the peer has no room; the expert does not take a second step then.
     * Cancellation reaches the peer, but a step that has begun is finished. Ownership: borrows the arguments until
     * the Mono ends; the gradients belong to the manager.
     *
     * @param manager owns the gradients
     * @param inputs as they were given to {@link #forward}
     * @param outputGradients one for every output, of the same shape
     */
    public Mono<NDList> backward(NDManager manager, NDList inputs, NDList outputGradients) {
        return decode(manager, backwardFrames(inputs, outputGradients));
    }

    /** A forward call with tensors that {@code encode} writes as the policy has it. */
    Mono<Reply> forwardFrames(Function<CallPolicy, List<TensorFrame>> encode) {
        return Mono.using(
                () -> Request.ofTensors(
                                Operation.EXPERT_FORWARD,
                                uid().toString(),
                                policy.forwardTimeout(),
                                encode.apply(policy))
                        .wantingReplyAs(policy.activations()),
                this::send,
                Request::release);
    }

    /** A backward call with tensors that {@code encode} writes as the policy has it. */
    Mono<Reply> backwardFrames(Function<CallPolicy, List<TensorFrame>> encode) {
        return Mono.using(
                () -> Request.ofTensors(
                                Operation.EXPERT_BACKWARD,
                                uid().toString(),
                                policy.backwardTimeout(),
                                encode.apply(policy))
                        .wantingReplyAs(policy.gradients()),
                this::sendTwice,
                Request::release);
    }

    Mono<Reply> backwardFrames(NDList inputs, NDList outputGradients) {
        return backwardFrames(roles -> InputsAndGradients.encode(
                () -> NDArrayFrames.encode(inputs, roles.activations()),
                () -> NDArrayFrames.encode(outputGradients, roles.gradients())));
    }

    /** The peer may have taken its step when the connection breaks; repeated under its id, the call takes no second. */
    private Mono<Reply> sendTwice(Request request) {
        return Mono.defer(() -> send(request))
                .retryWhen(ONE_MORE.until(request.header().deadline()));
    }

    /** The request's deadline covers the way to the peer as well. */
    private Mono<Reply> send(Request request) {
        return node.connect(owner(), descriptor.addresses())
                .timeout(request.header().deadline().remaining(), Mono.error(this::cannotConnectInTime))
                .flatMap(connection -> UnderstoodRequest.send(connection, request));
    }

    private DeadlineExceededException cannotConnectInTime() {
        return new DeadlineExceededException("The peer of %s could not be connected in time".formatted(uid()));
    }

    private Mono<NDList> decode(NDManager manager, Mono<Reply> replies) {
        return replies.flatMap(reply -> DecodedReply.on(tensors, manager, reply));
    }

    private static ExpertSchema readSchema(Reply reply) {
        try {
            return ExpertSchemaCodec.fromMessage(reply.message(ExpertSchemaMessage.parser()));
        } finally {
            reply.release();
        }
    }

    @Override
    public String toString() {
        return "RemoteExpert[" + uid() + " at " + owner().toShortString() + "]";
    }
}
