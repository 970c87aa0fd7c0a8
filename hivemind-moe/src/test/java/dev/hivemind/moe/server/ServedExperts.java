package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import reactor.core.publisher.Mono;
import reactor.netty.resources.LoopResources;
import reactor.test.StepVerifier;

/**
 * A server and a caller over real sockets, with the real engine. The experts: {@code ffn.0}, which is trained,
 * {@code ffn.1}, the same but frozen, and {@code pair.0} with two inputs and outputs.
 */
final class ServedExperts implements BeforeEachCallback, AfterEachCallback {

    static final Duration TIMEOUT = Duration.ofSeconds(20);

    /** Of calls that are not to be refused because a slow machine takes long for the first batch. */
    static final Duration NEVER_LATE = Duration.ofMinutes(30);

    static final int WIDTH = 8;
    static final int MAX_BATCH = 32;

    private final Random random = new Random(4);
    private final ManagedArrays arrays = new ManagedArrays();
    private final LoopResources loops = LoopResources.create("test-io", 2, true);
    private final PeerNode serverNode = PeerNode.builder()
            .listen(new PeerAddress("127.0.0.1", 0))
            .loops(loops)
            .build();
    private final PeerNode callerNode = PeerNode.builder().loops(loops).build();
    private ExpertBackend trained;
    private ExpertBackend local;
    private ExpertServer server;
    private PeerConnection connection;

    @Override
    public void beforeEach(ExtensionContext context) {
        arrays.beforeEach(context);
        trained = ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.adam());
        local = ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.adam());
        server = ExpertServer.builder(serverNode)
                .expert("ffn.0", trained)
                .expert("ffn.1", frozen())
                .expert("pair.0", ExpertBackend.create(TestExperts.twoByTwo(), OptimizerConfig.sgd(1)))
                .maxBatchSize(MAX_BATCH)
                .maxQueuedRows(4_096)
                .build();
        serverNode.start().block(TIMEOUT);
        server.start().block(TIMEOUT);
        connection = callerNode.connect(serverNode.addresses().get(0)).block(TIMEOUT);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        server.close().block(TIMEOUT);
        local.close();
        Mono.when(callerNode.close(), serverNode.close()).block(TIMEOUT);
        loops.disposeLater(Duration.ZERO, TIMEOUT).block(TIMEOUT);
        arrays.afterEach(context);
    }

    static ExpertBackend frozen() {
        return ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.frozen());
    }

    PeerNode node() {
        return serverNode;
    }

    PeerConnection connection() {
        return connection;
    }

    ExpertServer server() {
        return server;
    }

    /** The expert {@code ffn.0}. */
    ExpertBackend trained() {
        return trained;
    }

    /** The same expert, for comparison. */
    ExpertBackend local() {
        return local;
    }

    NDManager manager() {
        return arrays.manager();
    }

    NDArray batch(int rows) {
        float[] values = new float[rows * WIDTH];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return arrays.manager().create(values, new Shape(rows, WIDTH));
    }

    Mono<NDList> call(Operation operation, String uid, NDArray... tensors) {
        List<TensorFrame> frames = NDArrayFrames.encode(new NDList(tensors));
        return Mono.using(
                () -> Request.ofTensors(operation, uid, NEVER_LATE, frames),
                request -> connection.request(request).map(this::decode),
                Request::release);
    }

    /** Takes over the reply. */
    NDList decode(Reply reply) {
        try {
            return NDArrayFrames.decode(arrays.manager(), reply.tensors());
        } finally {
            reply.release();
        }
    }

    /** That a call fails, and the server is alive all the same. */
    void assertFails(Mono<NDList> call, Class<? extends RpcException> type, String... parts) {
        StepVerifier.create(call)
                .expectErrorSatisfies(
                        error -> assertThat(error).isInstanceOf(type).hasMessageContainingAll(parts))
                .verify(TIMEOUT);
        assertServes();
    }

    void assertServes() {
        NDArray x = batch(2);
        assertThat(call(Operation.EXPERT_FORWARD, "ffn.1", x)
                        .block(TIMEOUT)
                        .head()
                        .getShape())
                .isEqualTo(new Shape(2, WIDTH));
    }

    /** A parameter of {@link #trained()}. */
    float[] weight() {
        return trained.parameters().get("01expand_weight").toFloatArray();
    }
}
