package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.proto.ExpertSchemaMessage;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.error.UnknownExpertException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.Bfloat16;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.resources.LoopResources;
import reactor.test.StepVerifier;

/** A server and a caller over real sockets, with the real engine. */
class ExpertServerTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final int WIDTH = 8;
    private static final Offset<Float> CLOSE = Offset.offset(1e-5f);

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Random random = new Random(4);
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

    @BeforeEach
    void start() {
        trained = ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.adam());
        local = ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.adam());
        server = ExpertServer.builder(serverNode)
                .expert("ffn.0", trained)
                .expert("ffn.1", ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.frozen()))
                .expert("pair.0", ExpertBackend.create(TestExperts.twoByTwo(), OptimizerConfig.sgd(1)))
                .maxBatchSize(32)
                .maxQueuedRows(4_096)
                .build();
        serverNode.start().block(TIMEOUT);
        server.start().block(TIMEOUT);
        connection = callerNode.connect(serverNode.addresses().get(0)).block(TIMEOUT);
    }

    @AfterEach
    void close() {
        server.close().block(TIMEOUT);
        local.close();
        Mono.when(callerNode.close(), serverNode.close()).block(TIMEOUT);
        loops.disposeLater(Duration.ZERO, TIMEOUT).block(TIMEOUT);
    }

    private NDArray batch(int rows) {
        float[] values = new float[rows * WIDTH];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return arrays.manager().create(values, new Shape(rows, WIDTH));
    }

    private Mono<NDList> call(Operation operation, String uid, NDArray... tensors) {
        List<TensorFrame> frames = NDArrayFrames.encode(new NDList(tensors));
        return Mono.using(
                () -> Request.ofTensors(operation, uid, TIMEOUT, frames),
                request -> connection.request(request).map(this::decode),
                Request::release);
    }

    private NDList decode(Reply reply) {
        try {
            return NDArrayFrames.decode(arrays.manager(), reply.tensors());
        } finally {
            reply.release();
        }
    }

    private void assertFails(Mono<NDList> call, Class<? extends RpcException> type, String... parts) {
        StepVerifier.create(call)
                .expectErrorSatisfies(
                        error -> assertThat(error).isInstanceOf(type).hasMessageContainingAll(parts))
                .verify(TIMEOUT);
        assertServes();
    }

    private void assertServes() {
        NDArray x = batch(2);
        assertThat(call(Operation.EXPERT_FORWARD, "ffn.1", x)
                        .block(TIMEOUT)
                        .head()
                        .getShape())
                .isEqualTo(new Shape(2, WIDTH));
    }

    @Test
    void info_ofAnExpert_isItsSchema() {
        Request request =
                Request.ofMessage(Operation.EXPERT_INFO, "ffn.0", TIMEOUT, ExpertSchemaMessage.getDefaultInstance());

        Reply reply = connection.request(request).block(TIMEOUT);

        assertThat(ExpertSchemaCodec.fromMessage(reply.message(ExpertSchemaMessage.parser())))
                .isEqualTo(trained.schema(32))
                .isEqualTo(server.experts().get("ffn.0"));
        reply.release();
        request.release();
    }

    @Test
    void forward_equalsTheLocalExpert() {
        NDArray x = batch(5);

        NDList y = call(Operation.EXPERT_FORWARD, "ffn.0", x).block(TIMEOUT);

        assertThat(y.singletonOrThrow().toFloatArray())
                .containsExactly(local.forward(new NDList(x)).head().toFloatArray(), CLOSE);
    }

    @Test
    void forward_wantingACompressedReply_givesOneNearTheLocalExpert() {
        NDArray x = batch(5);
        Request request = Request.ofTensors(
                        Operation.EXPERT_FORWARD,
                        "ffn.1",
                        TIMEOUT,
                        List.of(NDArrayFrames.encode(x, Compression.FLOAT16)))
                .wantingReplyAs(Compression.INT8);

        Reply reply = connection.request(request).block(TIMEOUT);

        assertThat(reply.descriptors().get(0).compression()).isSameAs(Compression.INT8);
        assertThat(decode(reply).head().toFloatArray())
                .containsExactly(local.forward(new NDList(x)).head().toFloatArray(), Offset.offset(0.02f));
        request.release();
    }

    @Test
    void forward_ofCallsCompressedInDifferentWays_sharesBatches() {
        List<Compression> codecs = List.of(Compression.NONE, Compression.INT8, Compression.FLOAT16);
        NDArray x = batch(1);
        Flux<float[]> answers = Flux.range(0, 30)
                .flatMap(
                        i -> {
                            TensorFrame frame = NDArrayFrames.encode(x, codecs.get(i % 3));
                            return Mono.using(
                                    () -> Request.ofTensors(Operation.EXPERT_FORWARD, "ffn.1", TIMEOUT, List.of(frame)),
                                    request -> connection
                                            .request(request)
                                            .map(reply -> decode(reply).head().toFloatArray()),
                                    Request::release);
                        },
                        30);

        assertThat(answers.collectList().block(TIMEOUT))
                .hasSize(30)
                .allSatisfy(answer -> assertThat(answer)
                        .containsExactly(local.forward(new NDList(x)).head().toFloatArray(), Offset.offset(0.02f)));
    }

    @Test
    void forward_ofBfloat16WhereFloat32IsDeclared_isComputed() {
        NDArray x = batch(2);
        ByteBuf narrow = ByteBufAllocator.DEFAULT.directBuffer(2 * 2 * WIDTH);
        for (float value : x.toFloatArray()) {
            narrow.writeShortLE(Bfloat16.fromFloat(value));
        }
        var frame = new TensorFrame(TensorDescriptor.of(ElementType.BFLOAT16, 2, WIDTH), narrow);
        Request request = Request.ofTensors(Operation.EXPERT_FORWARD, "ffn.1", TIMEOUT, List.of(frame));

        NDList y = connection.request(request).map(this::decode).block(TIMEOUT);

        assertThat(y.head().toFloatArray())
                .containsExactly(local.forward(new NDList(x)).head().toFloatArray(), Offset.offset(0.05f));
        request.release();
    }

    @Test
    void backward_withACompressedGradientThatIsNotFinite_failsAndChangesNothing() {
        float[] before = weight();
        NDArray gradient = batch(2);
        gradient.set(new NDIndex(1, 3), Float.POSITIVE_INFINITY);
        List<TensorFrame> frames = NDArrayFrames.encode(new NDList(batch(2), gradient), Compression.INT8);
        Mono<NDList> call = Mono.using(
                () -> Request.ofTensors(Operation.EXPERT_BACKWARD, "ffn.0", TIMEOUT, frames),
                request -> connection.request(request).map(this::decode),
                Request::release);

        assertFails(call, ExpertFailedException.class, "not finite");

        assertThat(weight()).containsExactly(before);
    }

    @Test
    void backward_equalsLocalStepsInGradientsParametersAndMoments() {
        for (int step = 0; step < 3; step++) {
            NDArray x = batch(6);
            NDArray upstream = batch(6);
            NDList gradients =
                    call(Operation.EXPERT_BACKWARD, "ffn.0", x, upstream).block(TIMEOUT);
            assertThat(gradients.singletonOrThrow().toFloatArray())
                    .containsExactly(
                            local.backward(new NDList(x, upstream)).head().toFloatArray(), CLOSE);
        }

        local.parameters()
                .forEach((name, expected) -> assertThat(
                                trained.parameters().get(name).toFloatArray())
                        .as(name)
                        .containsExactly(expected.toFloatArray(), CLOSE));
        local.optimizer()
                .state()
                .forEach((name, expected) -> assertThat(
                                trained.optimizer().state().get(name).toFloatArray())
                        .as(name)
                        .containsExactly(expected.toFloatArray(), CLOSE));
    }

    @Test
    void backward_ofAFrozenExpert_answersEveryTimeTheSame() {
        NDArray x = batch(3);
        NDArray upstream = batch(3);

        float[] first = call(Operation.EXPERT_BACKWARD, "ffn.1", x, upstream)
                .block(TIMEOUT)
                .head()
                .toFloatArray();
        float[] second = call(Operation.EXPERT_BACKWARD, "ffn.1", x, upstream)
                .block(TIMEOUT)
                .head()
                .toFloatArray();

        assertThat(second).containsExactly(first);
    }

    @Test
    void backward_ofSeveralInputsAndOutputs_keepsTheirOrderAndTypes() {
        NDArray a = arrays.manager().create(new double[] {1, 2}, new Shape(1, 2));
        NDArray b = arrays.manager().create(new long[] {3, 4}, new Shape(1, 2));
        NDArray ones = arrays.manager().ones(new Shape(1, 2), DataType.FLOAT64);

        NDList gradients =
                call(Operation.EXPERT_BACKWARD, "pair.0", a, b, ones, ones).block(TIMEOUT);

        assertThat(gradients.get(0).toDoubleArray()).containsExactly(4, 5);
        assertThat(gradients.get(1).toLongArray()).containsExactly(0, 0);
    }

    @Test
    void forward_ofManyCallersAtOnce_givesEachItsRows() {
        List<NDArray> inputs =
                IntStream.range(0, 100).mapToObj(i -> batch(1 + i % 9)).toList();
        List<float[]> expected = inputs.stream()
                .map(x -> local.forward(new NDList(x)).head().toFloatArray())
                .toList();

        List<NDList> outputs = Flux.fromIterable(inputs)
                .flatMapSequential(x -> call(Operation.EXPERT_FORWARD, "ffn.0", x), 64)
                .collectList()
                .block(TIMEOUT);

        for (int i = 0; i < inputs.size(); i++) {
            assertThat(outputs.get(i).head().toFloatArray()).containsExactly(expected.get(i), CLOSE);
        }
    }

    @Test
    void call_ofAnUnknownExpert_namesIt() {
        assertFails(call(Operation.EXPERT_FORWARD, "ffn.9", batch(1)), UnknownExpertException.class, "'ffn.9'");
    }

    @Test
    void forward_ofAnotherWidth_namesTheDimensionReceived() {
        NDArray x = arrays.manager().zeros(new Shape(3, 11));

        assertFails(
                call(Operation.EXPERT_FORWARD, "ffn.0", x),
                SchemaMismatchException.class,
                "float32(batch, 8)",
                "float32(3, 11)");
    }

    @Test
    void forward_ofAnotherElementType_namesIt() {
        NDArray x = arrays.manager().zeros(new Shape(3, WIDTH), DataType.FLOAT64);

        assertFails(call(Operation.EXPERT_FORWARD, "ffn.0", x), SchemaMismatchException.class, "float64(3, 8)");
    }

    @Test
    void forward_ofNoRows_isRefused() {
        NDArray x = arrays.manager().create(new Shape(0, WIDTH));

        assertFails(call(Operation.EXPERT_FORWARD, "ffn.0", x), SchemaMismatchException.class, "not 0");
    }

    @Test
    void forward_ofMoreRowsThanABatch_isRefused() {
        assertFails(
                call(Operation.EXPERT_FORWARD, "ffn.0", batch(33)),
                SchemaMismatchException.class,
                "1 to 32 rows, not 33");
    }

    @Test
    void forward_ofAnEmptyTensorList_isRefused() {
        assertFails(call(Operation.EXPERT_FORWARD, "ffn.0"), SchemaMismatchException.class, "0 tensors");
    }

    @Test
    void backward_withoutGradients_isRefused() {
        assertFails(
                call(Operation.EXPERT_BACKWARD, "ffn.0", batch(1)),
                SchemaMismatchException.class,
                "gradient-of-y: float32(batch, 8)");
    }

    @Test
    void backward_withAGradientThatIsNotFinite_failsAndChangesNothing() {
        float[] before = weight();

        assertFails(
                call(Operation.EXPERT_BACKWARD, "ffn.0", batch(2), batch(2).mul(Float.NaN)),
                ExpertFailedException.class,
                "not finite");

        assertThat(weight()).containsExactly(before);
    }

    private float[] weight() {
        return trained.parameters().get("01expand_weight").toFloatArray();
    }

    @Test
    void backward_ofAPoisonousCallAmongGoodOnes_failsItAlone() {
        List<Mono<NDList>> calls = IntStream.range(0, 30)
                .mapToObj(i -> call(
                        Operation.EXPERT_BACKWARD, "ffn.0", batch(1), i == 17 ? batch(1).mul(Float.NaN) : batch(1)))
                .toList();

        List<Boolean> succeeded = Flux.fromIterable(calls)
                .flatMapSequential(
                        call -> call.map(gradients -> true).onErrorReturn(ExpertFailedException.class, false), 30)
                .collectList()
                .block(TIMEOUT);

        assertThat(succeeded).hasSize(30);
        assertThat(IntStream.range(0, 30).filter(i -> !succeeded.get(i))).containsExactly(17);
    }

    @Test
    void forward_beyondTheQueue_isRefusedWithATimeToRetry() {
        List<Mono<NDList>> calls = IntStream.range(0, 300)
                .mapToObj(i -> call(Operation.EXPERT_FORWARD, "ffn.0", batch(32)))
                .toList();

        List<String> outcomes = Flux.fromIterable(calls)
                .flatMap(
                        call -> call.map(y -> "answered").onErrorResume(OverloadedException.class, e -> {
                            assertThat(e.retryAfter()).isPositive();
                            return Mono.just("refused");
                        }),
                        300)
                .collectList()
                .block(TIMEOUT);

        assertThat(outcomes).hasSize(300).contains("answered");
        assertServes();
    }

    @Test
    void forward_ofManyCallersOfWhichHalfGoAway_answersTheOthers() {
        List<Mono<NDList>> calls = IntStream.range(0, 200)
                .mapToObj(i -> call(Operation.EXPERT_FORWARD, "ffn.0", batch(4)))
                .toList();

        Long answered = Flux.range(0, 200)
                .flatMap(
                        i -> i % 2 == 0
                                ? calls.get(i)
                                : calls.get(i)
                                        .timeout(Duration.ofNanos(1 + i * 20_000L))
                                        .onErrorComplete(),
                        100)
                .count()
                .block(TIMEOUT);

        assertThat(answered).isBetween(100L, 200L);
    }

    @Test
    void close_stopsServingAndFreesTheExperts() {
        server.close().block(TIMEOUT);

        StepVerifier.create(call(Operation.EXPERT_FORWARD, "ffn.0", batch(1)))
                .expectError(ProtocolViolationException.class)
                .verify(TIMEOUT);
        assertThatThrownBy(this::weight).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void close_withCallsUnderWay_endsEachOfThem() {
        List<Mono<NDList>> calls = IntStream.range(0, 100)
                .mapToObj(i -> call(Operation.EXPERT_BACKWARD, "ffn.0", batch(32), batch(32)))
                .toList();

        Mono<Long> ended = Flux.fromIterable(calls)
                .flatMap(call -> call.map(y -> true).onErrorReturn(RpcException.class, false), 100)
                .count();

        StepVerifier.create(Mono.zip(ended, server.close().thenReturn(true)).map(ends -> ends.getT1()))
                .expectNext(100L)
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void start_ofASecondServerOnTheNode_isRefused() {
        ExpertServer second = ExpertServer.builder(serverNode).build();

        StepVerifier.create(second.start())
                .expectError(IllegalStateException.class)
                .verify(TIMEOUT);
        second.close().block(TIMEOUT);
        assertServes();
    }

    @Test
    void start_afterClose_isRefused() {
        server.close().block(TIMEOUT);

        StepVerifier.create(server.start())
                .expectError(IllegalStateException.class)
                .verify(TIMEOUT);
    }

    @Test
    void start_ofServersOneAfterTheOtherOnANode_servesEachTime() {
        server.close().block(TIMEOUT);
        for (int i = 0; i < 3; i++) {
            ExpertServer next = ExpertServer.builder(serverNode)
                    .expert("ffn.1", ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.frozen()))
                    .build();
            next.start().block(TIMEOUT);
            assertServes();
            next.close().block(TIMEOUT);
        }
    }

    @Test
    void forward_ofASlowExpert_doesNotDelayOthers() {
        server.close().block(TIMEOUT);
        ExpertServer slow = ExpertServer.builder(serverNode)
                .expert("slow", ExpertBackend.create(TestExperts.slow(WIDTH, TIMEOUT), OptimizerConfig.frozen()))
                .expert("ffn.1", ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.frozen()))
                .deviceThreads(1)
                .build();
        slow.start().block(TIMEOUT);

        StepVerifier.create(call(Operation.EXPERT_FORWARD, "slow", batch(1)))
                .then(this::assertServes)
                .then(() -> slow.close().block(TIMEOUT))
                .expectNextCount(1)
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void expert_withAUidTwice_isRefused() {
        ExpertServer.Builder builder = ExpertServer.builder(serverNode).expert("a.0", local);

        assertThatThrownBy(() -> builder.expert("a.0", local)).hasMessageContaining("'a.0'");
    }
}
