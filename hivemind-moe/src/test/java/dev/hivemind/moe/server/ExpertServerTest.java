package dev.hivemind.moe.server;

import static dev.hivemind.moe.server.ServedExperts.MAX_BATCH;
import static dev.hivemind.moe.server.ServedExperts.TIMEOUT;
import static dev.hivemind.moe.server.ServedExperts.WIDTH;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.proto.ExpertSchemaMessage;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.tensor.Bfloat16;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** Calls that go well. {@link BadCallsTest} has the others. */
class ExpertServerTest {

    private static final Offset<Float> CLOSE = Offset.offset(1e-5f);

    @RegisterExtension
    final ServedExperts experts = new ServedExperts();

    @Test
    void info_ofEachExpert_isItsSchema() {
        experts.server()
                .experts()
                .forEach((uid, schema) -> assertThat(info(uid)).as(uid).isEqualTo(schema));
        assertThat(info("ffn.0")).isEqualTo(experts.trained().schema(MAX_BATCH));
    }

    private ExpertSchema info(String uid) {
        return Mono.using(
                        () -> Request.ofMessage(
                                Operation.EXPERT_INFO, uid, TIMEOUT, ExpertSchemaMessage.getDefaultInstance()),
                        experts.connection()::request,
                        Request::release)
                .map(reply -> {
                    try {
                        return ExpertSchemaCodec.fromMessage(reply.message(ExpertSchemaMessage.parser()));
                    } finally {
                        reply.release();
                    }
                })
                .block(TIMEOUT);
    }

    @Test
    void forward_equalsTheLocalExpert() {
        NDArray x = experts.batch(5);

        NDList y = experts.call(Operation.EXPERT_FORWARD, "ffn.0", x).block(TIMEOUT);

        assertThat(y.singletonOrThrow().toFloatArray())
                .containsExactly(experts.local().forward(new NDList(x)).head().toFloatArray(), CLOSE);
    }

    @Test
    void forward_wantingACompressedReply_givesOneNearTheLocalExpert() {
        NDArray x = experts.batch(5);
        Request request = Request.ofTensors(
                        Operation.EXPERT_FORWARD,
                        "ffn.1",
                        TIMEOUT,
                        List.of(NDArrayFrames.encode(x, Compression.FLOAT16)))
                .wantingReplyAs(Compression.INT8);

        Reply reply = experts.connection().request(request).block(TIMEOUT);

        assertThat(reply.descriptors().get(0).compression()).isSameAs(Compression.INT8);
        assertThat(experts.decode(reply).head().toFloatArray())
                .containsExactly(experts.local().forward(new NDList(x)).head().toFloatArray(), Offset.offset(0.02f));
        request.release();
    }

    @Test
    void forward_ofCallsCompressedInDifferentWays_sharesBatches() {
        List<Compression> codecs = List.of(Compression.NONE, Compression.INT8, Compression.FLOAT16);
        NDArray x = experts.batch(1);
        Flux<float[]> answers = Flux.range(0, 30)
                .flatMap(
                        i -> {
                            TensorFrame frame = NDArrayFrames.encode(x, codecs.get(i % 3));
                            return Mono.using(
                                    () -> Request.ofTensors(
                                            Operation.EXPERT_FORWARD,
                                            "ffn.1",
                                            ServedExperts.NEVER_LATE,
                                            List.of(frame)),
                                    request -> experts.connection()
                                            .request(request)
                                            .map(reply ->
                                                    experts.decode(reply).head().toFloatArray()),
                                    Request::release);
                        },
                        30);

        assertThat(answers.collectList().block(TIMEOUT))
                .hasSize(30)
                .allSatisfy(answer -> assertThat(answer)
                        .containsExactly(
                                experts.local().forward(new NDList(x)).head().toFloatArray(), Offset.offset(0.02f)));
    }

    @Test
    void forward_ofBfloat16WhereFloat32IsDeclared_isComputed() {
        NDArray x = experts.batch(2);
        ByteBuf narrow = ByteBufAllocator.DEFAULT.directBuffer(2 * 2 * WIDTH);
        for (float value : x.toFloatArray()) {
            narrow.writeShortLE(Bfloat16.fromFloat(value));
        }
        var frame = new TensorFrame(TensorDescriptor.of(ElementType.BFLOAT16, 2, WIDTH), narrow);
        Request request =
                Request.ofTensors(Operation.EXPERT_FORWARD, "ffn.1", ServedExperts.NEVER_LATE, List.of(frame));

        NDList y = experts.connection().request(request).map(experts::decode).block(TIMEOUT);

        assertThat(y.head().toFloatArray())
                .containsExactly(experts.local().forward(new NDList(x)).head().toFloatArray(), Offset.offset(0.05f));
        request.release();
    }

    @Test
    void backward_equalsLocalStepsInGradientsParametersAndMoments() {
        for (int step = 0; step < 3; step++) {
            NDArray x = experts.batch(6);
            NDArray upstream = experts.batch(6);
            NDList gradients = experts.call(Operation.EXPERT_BACKWARD, "ffn.0", x, upstream)
                    .block(TIMEOUT);
            assertThat(gradients.singletonOrThrow().toFloatArray())
                    .containsExactly(
                            experts.local()
                                    .backward(new NDList(x, upstream))
                                    .head()
                                    .toFloatArray(),
                            CLOSE);
        }

        experts.local()
                .parameters()
                .forEach((name, expected) -> assertThat(
                                experts.trained().parameters().get(name).toFloatArray())
                        .as(name)
                        .containsExactly(expected.toFloatArray(), CLOSE));
        experts.local()
                .optimizer()
                .state()
                .forEach((name, expected) -> assertThat(
                                experts.trained().optimizer().state().get(name).toFloatArray())
                        .as(name)
                        .containsExactly(expected.toFloatArray(), CLOSE));
    }

    @Test
    void backward_ofAFrozenExpert_answersEveryTimeTheSame() {
        NDArray x = experts.batch(3);
        NDArray upstream = experts.batch(3);

        float[] first = experts.call(Operation.EXPERT_BACKWARD, "ffn.1", x, upstream)
                .block(TIMEOUT)
                .head()
                .toFloatArray();
        float[] second = experts.call(Operation.EXPERT_BACKWARD, "ffn.1", x, upstream)
                .block(TIMEOUT)
                .head()
                .toFloatArray();

        assertThat(second).containsExactly(first);
    }

    @Test
    void backward_ofSeveralInputsAndOutputs_keepsTheirOrderAndTypes() {
        NDArray a = experts.manager().create(new double[] {1, 2}, new Shape(1, 2));
        NDArray b = experts.manager().create(new long[] {3, 4}, new Shape(1, 2));
        NDArray ones = experts.manager().ones(new Shape(1, 2), DataType.FLOAT64);

        NDList gradients = experts.call(Operation.EXPERT_BACKWARD, "pair.0", a, b, ones, ones)
                .block(TIMEOUT);

        assertThat(gradients.get(0).toDoubleArray()).containsExactly(4, 5);
        assertThat(gradients.get(1).toLongArray()).containsExactly(0, 0);
    }

    @Test
    void forward_ofManyCallersAtOnce_givesEachItsRows() {
        List<NDArray> inputs =
                IntStream.range(0, 100).mapToObj(i -> experts.batch(1 + i % 9)).toList();
        List<float[]> expected = inputs.stream()
                .map(x -> experts.local().forward(new NDList(x)).head().toFloatArray())
                .toList();

        List<NDList> outputs = Flux.fromIterable(inputs)
                .flatMapSequential(x -> experts.call(Operation.EXPERT_FORWARD, "ffn.0", x), 64)
                .collectList()
                .block(TIMEOUT);

        for (int i = 0; i < inputs.size(); i++) {
            assertThat(outputs.get(i).head().toFloatArray()).containsExactly(expected.get(i), CLOSE);
        }
    }

    @Test
    void forward_ofManyCallersOfWhichHalfGoAway_answersTheOthers() {
        List<Mono<NDList>> calls = IntStream.range(0, 200)
                .mapToObj(i -> experts.call(Operation.EXPERT_FORWARD, "ffn.0", experts.batch(4)))
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
    void forward_ofASlowExpert_doesNotDelayOthers() {
        experts.server().close().block(TIMEOUT);
        ExpertServer slow = ExpertServer.builder(experts.node())
                .expert("slow", ExpertBackend.create(TestExperts.slow(WIDTH, TIMEOUT), OptimizerConfig.frozen()))
                .expert("ffn.1", ServedExperts.frozen())
                .deviceThreads(1)
                .build();
        slow.start().block(TIMEOUT);

        StepVerifier.create(experts.call(Operation.EXPERT_FORWARD, "slow", experts.batch(1)))
                .then(experts::assertServes)
                .then(() -> slow.close().block(TIMEOUT))
                .expectNextCount(1)
                .expectComplete()
                .verify(TIMEOUT);
    }
}
