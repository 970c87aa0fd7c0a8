package dev.hivemind.moe.server;

import static dev.hivemind.moe.server.Backends.ROWS;
import static dev.hivemind.moe.server.Backends.WIDTH;
import static dev.hivemind.moe.server.Backends.assertSame;
import static dev.hivemind.moe.server.Backends.snapshot;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.batching.PoisonousRowsException;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.ExpertFailedException;
import java.util.Arrays;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Numbers that are not finite, or do not stay so, change nothing. */
class PoisonousNumbersTest {

    @RegisterExtension
    final Backends backends = new Backends();

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void backward_withAnInputThatIsNotFinite_refusesTheStep(float poison) {
        ExpertBackend backend = backends.ffn(OptimizerConfig.adam());
        NDArray x = backends.batch();
        x.set(new NDIndex(1, 3), poison);

        assertRefused(backend, new NDList(x, backends.batch()), "An input");
    }

    @Test
    void backward_withAGradientThatIsNotFinite_refusesTheStep() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.adam());
        NDArray upstream = backends.batch().mul(Float.NaN);

        assertRefused(backend, new NDList(backends.batch(), upstream), "A gradient of an output");
    }

    @Test
    void backward_whoseGradientsOverflow_refusesTheStep() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.adam());
        NDArray upstream = backends.manager().zeros(new Shape(ROWS, WIDTH));
        upstream.set(new NDIndex(0, 0), 3e38f);
        NDArray x = backends.batch().mul(1e-3);

        assertRefused(backend, new NDList(x, upstream), "A gradient of");
    }

    @Test
    void backward_withAGradientWhoseSquareOverflows_refusesTheStep() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.adam());
        NDArray upstream = backends.manager().full(new Shape(ROWS, WIDTH), 1e22f);

        assertRefused(backend, new NDList(backends.batch(), upstream), "A gradient of an output");
    }

    private static void assertRefused(ExpertBackend backend, NDList inputsAndGradients, String message) {
        Map<String, float[]> before = snapshot(backend.parameters());

        assertThatThrownBy(() -> backend.backward(inputsAndGradients))
                .isInstanceOf(ExpertFailedException.class)
                .hasMessageContaining(message);

        assertThat(snapshot(backend.parameters())).usingRecursiveComparison().isEqualTo(before);
        assertThat(backend.optimizer().steps()).isZero();
        assertThat(TensorOps.isGradMode()).isFalse();
    }

    @Test
    void backward_afterARefusal_isNotSpoiledByIt() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.sgd());
        var local = new LocalExpert(backends.manager(), OptimizerConfig.sgd());
        NDArray huge = backends.manager().full(new Shape(ROWS, WIDTH), 1e38f);
        assertThatThrownBy(() -> backend.backward(new NDList(backends.batch().mul(1e-6), huge)))
                .isInstanceOf(ExpertFailedException.class);
        NDArray x = backends.batch();
        NDArray upstream = backends.batch();

        backend.backward(new NDList(x, upstream));
        local.train(x, upstream);

        assertSame(backend.parameters(), local.parameters());
    }

    @Test
    void forward_withAnInputThatIsNotFinite_isRefused() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.sgd());

        assertThatThrownBy(() -> backend.forward(new NDList(backends.batch().mul(Float.NaN))))
                .isInstanceOf(ExpertFailedException.class);
    }

    @Test
    void forward_withAnInputThatOverflowsOnItsWay_isRefused() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.sgd());
        NDArray huge = backends.manager().full(new Shape(ROWS, WIDTH), 1e30f);

        assertThatThrownBy(() -> backend.forward(new NDList(huge))).isInstanceOf(ExpertFailedException.class);
    }

    @Test
    void computeForward_withPoisonousRows_namesThem() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.frozen());
        NDArray x = backends.batch();
        x.set(new NDIndex(1, 3), Float.NaN);
        x.set(new NDIndex(4, 0), Float.NEGATIVE_INFINITY);

        assertNames(() -> backend.computeForward(new NDList(x)), 1, 4);
    }

    @Test
    void computeForward_whoseOutputsOverflow_namesTheirRows() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.frozen());
        NDArray x = backends.batch();
        x.set(new NDIndex(2), 1e30f);

        assertNames(() -> backend.computeForward(new NDList(x)), 2);
    }

    @Test
    void computeForward_ofNumbersWhoseSumOverflows_isNotRefused() {
        ExpertBackend nop = backends.backend(TestExperts.named("nop", WIDTH), OptimizerConfig.sgd());
        NDArray x = backends.manager().full(new Shape(ROWS, WIDTH), 3e38f);

        assertThat(nop.forward(new NDList(x)).head().toFloatArray()).containsOnly(3e38f);
    }

    @Test
    void computeBackward_withPoisonousRows_namesThem() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.adam());
        NDArray upstream = backends.batch();
        upstream.set(new NDIndex(0, 0), 1e22f);
        upstream.set(new NDIndex(3, 7), Float.NaN);

        assertNames(() -> backend.computeBackward(new NDList(backends.batch(), upstream)), 0, 3);
    }

    private static void assertNames(ThrowingCallable call, int... rows) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        PoisonousRowsException.class,
                        poison -> assertThat(poison.rows().stream()).containsExactly(box(rows)));
    }

    private static Integer[] box(int... rows) {
        return Arrays.stream(rows).boxed().toArray(Integer[]::new);
    }
}
