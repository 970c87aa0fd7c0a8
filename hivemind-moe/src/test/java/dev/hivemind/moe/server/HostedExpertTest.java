package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.batching.BatchLimits;
import dev.hivemind.moe.server.batching.BatchingRuntime;
import dev.hivemind.moe.server.batching.Call;
import dev.hivemind.moe.server.batching.DeviceThreads;
import dev.hivemind.moe.server.batching.TaskPool;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Mono;

/** Experts behind their pools, without a network. The pools linger, so that calls meet in one batch. */
class HostedExpertTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final int WIDTH = 8;
    private static final int BATCH_ROWS = 12;
    private static final Offset<Float> CLOSE = Offset.offset(1e-5f);
    private static final PeerId CALLER = PeerId.fromBytes(new byte[PeerId.BYTES]);

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Random random = new Random(4);
    private final BatchingRuntime runtime =
            BatchingRuntime.create(new DeviceThreads("hivemind-device-test", 1, 1), 1_000_000);
    private final ExpertBackend trained = ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.adam());
    private final ExpertBackend local = ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.adam());
    private final HostedExpert expert = HostedExpert.create(
            "ffn.0",
            trained,
            new BatchLimits(BATCH_ROWS, 100, BATCH_ROWS, Duration.ofSeconds(10)),
            runtime.newGroup(),
            List.of());

    @AfterEach
    void close() {
        runtime.close(trained::close).block(TIMEOUT);
        local.close();
    }

    private NDArray batch(int rows) {
        float[] values = new float[rows * WIDTH];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return arrays.manager().create(values, new Shape(rows, WIDTH));
    }

    private CompletableFuture<float[]> submit(TaskPool pool, NDArray... tensors) {
        int rows = (int) tensors[0].getShape().get(0);
        return Mono.using(
                        () -> NDArrayFrames.encode(new NDList(tensors)),
                        frames -> pool.submit(new Call(frames, rows, Deadline.after(TIMEOUT), 0, CALLER)),
                        frames -> frames.forEach(TensorFrame::release))
                .map(HostedExpertTest::consume)
                .toFuture();
    }

    private static float[] consume(List<TensorFrame> frames) {
        float[] values = new float[frames.get(0).data().readableBytes() / Float.BYTES];
        for (int i = 0; i < values.length; i++) {
            values[i] = frames.get(0).data().readFloatLE();
        }
        frames.forEach(TensorFrame::release);
        return values;
    }

    private static float[] await(CompletableFuture<float[]> result) {
        return result.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join();
    }

    private static void assertFails(CompletableFuture<float[]> result) {
        assertThatThrownBy(() -> await(result))
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(ExpertFailedException.class);
    }

    @Test
    void backward_withAPoisonousMate_isOneStepOverTheOthers() {
        NDArray first = batch(5);
        NDArray firstGradient = batch(5);
        NDArray last = batch(4);
        NDArray lastGradient = batch(4);

        List<CompletableFuture<float[]>> results = List.of(
                submit(expert.backward().pool(), first, firstGradient),
                submit(expert.backward().pool(), batch(3), batch(3).mul(Float.NaN)),
                submit(expert.backward().pool(), last, lastGradient));

        float[] expected = local.backward(new NDList(
                        NDArrays.concat(new NDList(first, last)),
                        NDArrays.concat(new NDList(firstGradient, lastGradient))))
                .head()
                .toFloatArray();
        List<Float> gradients = new ArrayList<>();
        for (float value : await(results.get(0))) {
            gradients.add(value);
        }
        for (float value : await(results.get(2))) {
            gradients.add(value);
        }
        assertFails(results.get(1));
        for (int i = 0; i < expected.length; i++) {
            assertThat(gradients.get(i)).isCloseTo(expected[i], CLOSE);
        }
        assertThat(trained.optimizer().steps()).isEqualTo(1);
        local.parameters()
                .forEach((name, parameter) -> assertThat(
                                trained.parameters().get(name).toFloatArray())
                        .as(name)
                        .containsExactly(parameter.toFloatArray(), CLOSE));
    }

    @Test
    void forward_withAMateWhoseOutputsOverflow_isComputedAllTheSame() {
        NDArray x = batch(7);

        CompletableFuture<float[]> healthy = submit(expert.forward().pool(), x);
        CompletableFuture<float[]> poisonous =
                submit(expert.forward().pool(), arrays.manager().full(new Shape(5, WIDTH), 1e30f));

        assertThat(await(healthy))
                .containsExactly(local.forward(new NDList(x)).head().toFloatArray(), CLOSE);
        assertFails(poisonous);
    }

    @Test
    void backward_ofNothingButPoison_makesNoStep() {
        CompletableFuture<float[]> one = submit(expert.backward().pool(), batch(6), batch(6).mul(Float.NaN));
        CompletableFuture<float[]> other = submit(expert.backward().pool(), batch(6).mul(Float.NaN), batch(6));

        assertFails(one);
        assertFails(other);
        assertThat(trained.optimizer().steps()).isZero();
    }
}
