package dev.hivemind.moe.server;

import static dev.hivemind.moe.server.ServedExperts.TIMEOUT;
import static dev.hivemind.moe.server.ServedExperts.WIDTH;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.proto.ExpertSchemaMessage;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.error.UnknownExpertException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Calls that fail reach their own caller alone, and the server goes on. */
class BadCallsTest {

    @RegisterExtension
    final ServedExperts experts = new ServedExperts();

    @Test
    void call_ofAnUnknownExpert_namesIt() {
        experts.assertFails(
                experts.call(Operation.EXPERT_FORWARD, "ffn.9", experts.batch(1)),
                UnknownExpertException.class,
                "'ffn.9'");
    }

    @Test
    void forward_ofAnotherWidth_namesTheDimensionReceived() {
        NDArray x = experts.manager().zeros(new Shape(3, 11));

        experts.assertFails(
                experts.call(Operation.EXPERT_FORWARD, "ffn.0", x),
                SchemaMismatchException.class,
                "float32(batch, 8)",
                "float32(3, 11)");
    }

    @Test
    void forward_ofAnotherElementType_namesIt() {
        NDArray x = experts.manager().zeros(new Shape(3, WIDTH), DataType.FLOAT64);

        experts.assertFails(
                experts.call(Operation.EXPERT_FORWARD, "ffn.0", x), SchemaMismatchException.class, "float64(3, 8)");
    }

    @Test
    void forward_ofNoRows_isRefused() {
        NDArray x = experts.manager().create(new Shape(0, WIDTH));

        experts.assertFails(experts.call(Operation.EXPERT_FORWARD, "ffn.0", x), SchemaMismatchException.class, "not 0");
    }

    @Test
    void forward_ofMoreRowsThanABatch_isRefused() {
        experts.assertFails(
                experts.call(Operation.EXPERT_FORWARD, "ffn.0", experts.batch(33)),
                SchemaMismatchException.class,
                "1 to 32 rows, not 33");
    }

    @Test
    void forward_ofAnEmptyTensorList_isRefused() {
        experts.assertFails(
                experts.call(Operation.EXPERT_FORWARD, "ffn.0"), SchemaMismatchException.class, "0 tensors");
    }

    @Test
    void backward_withoutGradients_isRefused() {
        experts.assertFails(
                experts.call(Operation.EXPERT_BACKWARD, "ffn.0", experts.batch(1)),
                SchemaMismatchException.class,
                "gradient-of-y: float32(batch, 8)");
    }

    @Test
    void backward_withAGradientThatIsNotFinite_failsAndChangesNothing() {
        float[] before = experts.weight();

        experts.assertFails(
                experts.call(
                        Operation.EXPERT_BACKWARD,
                        "ffn.0",
                        experts.batch(2),
                        experts.batch(2).mul(Float.NaN)),
                ExpertFailedException.class,
                "not finite");

        assertThat(experts.weight()).containsExactly(before);
    }

    @Test
    void backward_withACompressedGradientThatIsNotFinite_failsAndChangesNothing() {
        float[] before = experts.weight();
        NDArray gradient = experts.batch(2);
        gradient.set(new NDIndex(1, 3), Float.POSITIVE_INFINITY);
        List<TensorFrame> frames = NDArrayFrames.encode(new NDList(experts.batch(2), gradient), Compression.INT8);
        Mono<NDList> call = Mono.using(
                () -> Request.ofTensors(Operation.EXPERT_BACKWARD, "ffn.0", TIMEOUT, frames),
                request -> experts.connection().request(request).map(experts::decode),
                Request::release);

        experts.assertFails(call, ExpertFailedException.class, "not finite");

        assertThat(experts.weight()).containsExactly(before);
    }

    @Test
    void backward_ofAPoisonousCallAmongGoodOnes_failsItAlone() {
        List<Mono<NDList>> calls = IntStream.range(0, 30)
                .mapToObj(i -> experts.call(
                        Operation.EXPERT_BACKWARD,
                        "ffn.0",
                        experts.batch(1),
                        i == 17 ? experts.batch(1).mul(Float.NaN) : experts.batch(1)))
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
                .mapToObj(i -> experts.call(Operation.EXPERT_FORWARD, "ffn.0", experts.batch(32)))
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
        experts.assertServes();
    }

    @Test
    void info_ofAnUnknownExpert_namesIt() {
        Mono<Reply> info = Mono.using(
                () -> Request.ofMessage(
                        Operation.EXPERT_INFO, "ffn.9", TIMEOUT, ExpertSchemaMessage.getDefaultInstance()),
                experts.connection()::request,
                Request::release);

        experts.assertFails(info.map(experts::decode), UnknownExpertException.class, "'ffn.9'");
    }

    @Test
    void backward_ofAnEmptyTensorList_isRefused() {
        experts.assertFails(
                experts.call(Operation.EXPERT_BACKWARD, "ffn.0"), SchemaMismatchException.class, "0 tensors");
    }

    @Test
    void backward_ofAnotherShape_isRefusedAndChangesNothing() {
        float[] before = experts.weight();

        experts.assertFails(
                experts.call(Operation.EXPERT_BACKWARD, "ffn.0", experts.batch(2), experts.batch(3)),
                SchemaMismatchException.class,
                "equally many rows");

        assertThat(experts.weight()).containsExactly(before);
    }

    /** hivemind joins such calls into one batch, which ends the pool for ever. */
    @Test
    void forward_ofSeveralShapesAtOnce_servesThoseThatFit() {
        List<Boolean> served = Flux.range(0, 60)
                .map(i -> i % 3 == 0
                        ? experts.manager().ones(new Shape(2, WIDTH + 1 + i))
                        : experts.manager().ones(new Shape(2, WIDTH)))
                .flatMapSequential(
                        x -> experts.call(Operation.EXPERT_FORWARD, "ffn.1", x)
                                .map(y -> true)
                                .onErrorReturn(SchemaMismatchException.class, false),
                        60)
                .collectList()
                .block(TIMEOUT);

        assertThat(served).hasSize(60);
        assertThat(IntStream.range(0, 60).filter(i -> !served.get(i)))
                .containsExactly(IntStream.range(0, 20).map(i -> 3 * i).boxed().toArray(Integer[]::new));
    }
}
