package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.RequestHandler;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.ElementType;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Mono;

/** A peer with one expert that does what a test tells it: at first, it answers with ones. */
final class ScriptedExpert implements AutoCloseable {

    private static final int MAX_BATCH_SIZE = 64;

    /** How often it was called. */
    final AtomicInteger forwards = new AtomicInteger();

    final AtomicInteger backwards = new AtomicInteger();

    /** Says what the expert takes and gives. */
    volatile RequestHandler info;

    volatile RequestHandler forward = filledWith(1);
    volatile RequestHandler backward = filledWith(1);

    private final PeerNode node =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();

    /** One more peer of a swarm, whose expert learns. */
    ScriptedExpert(Swarm swarm, String uid, int width) {
        this(swarm, uid, width, true);
    }

    private ScriptedExpert(Swarm swarm, String uid, int width, boolean trainable) {
        info = schemaOf(width, width, trainable);
        node.handle(Operation.EXPERT_INFO, (caller, request) -> info.handle(caller, request));
        node.handle(Operation.EXPERT_FORWARD, (caller, request) -> {
            forwards.incrementAndGet();
            return forward.handle(caller, request);
        });
        node.handle(Operation.EXPERT_BACKWARD, (caller, request) -> {
            backwards.incrementAndGet();
            return backward.handle(caller, request);
        });
        node.start().block(Swarm.TIMEOUT);
        swarm.declare(node, uid);
    }

    /** One more peer of a swarm, whose expert does not learn, and may be hosted by others too. */
    static ScriptedExpert frozen(Swarm swarm, String uid, int width) {
        return new ScriptedExpert(swarm, uid, width, false);
    }

    /** Says what an expert of so many inputs and outputs would. */
    static void tellSchema(PeerNode node, long inputs, long outputs, boolean trainable) {
        node.handle(Operation.EXPERT_INFO, schemaOf(inputs, outputs, trainable));
    }

    static RequestHandler schemaOf(long inputs, long outputs, boolean trainable) {
        var schema = new ExpertSchema(spec("x", inputs), spec("y", outputs), MAX_BATCH_SIZE, trainable);
        return (caller, request) -> Mono.fromSupplier(() -> Reply.ofMessage(ExpertSchemaCodec.toMessage(schema)));
    }

    private static List<TensorSpec> spec(String name, long width) {
        return List.of(TensorSpec.of(name, ElementType.FLOAT32, TensorSpec.BATCH, width));
    }

    /** Answers in the shape of the first input. */
    static RequestHandler filledWith(float value) {
        return (caller, request) -> Mono.fromSupplier(() -> answer(request, 0, 0, value));
    }

    /** Answers with a tensor that has more rows and columns than the first input. */
    static RequestHandler misshapen(int moreRows, int moreColumns) {
        return (caller, request) -> Mono.fromSupplier(() -> answer(request, moreRows, moreColumns, 1));
    }

    /** Never answers. */
    static RequestHandler silent() {
        return (caller, request) -> Mono.never();
    }

    static Reply answer(Request request, int moreRows, int moreColumns, float value) {
        List<Long> input = request.header().tensors().get(0).shape();
        try (NDManager scope = TensorOps.newManager()) {
            var shape = new Shape(input.get(0) + moreRows, input.get(1) + moreColumns);
            return Reply.ofTensors(NDArrayFrames.encode(new NDList(scope.full(shape, value))));
        }
    }

    PeerId peerId() {
        return node.id();
    }

    @Override
    public void close() {
        node.close().block(Swarm.TIMEOUT);
    }
}
