package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.optimizer.ExpertOptimizer;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.optimizer.TrainingConfig;
import dev.hivemind.moe.server.batching.Computation;
import dev.hivemind.moe.server.batching.PoisonousRowsException;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.ExpertFailedException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExpertBackendTest {

    private static final int WIDTH = 8;
    private static final int ROWS = 5;
    private static final Offset<Float> CLOSE = Offset.offset(1e-5f);

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Random random = new Random(9);
    private final List<ExpertBackend> backends = new ArrayList<>();

    @AfterEach
    void closeBackends() {
        backends.forEach(ExpertBackend::close);
    }

    private ExpertBackend ffn(OptimizerConfig optimizer) {
        ExpertBackend backend = ExpertBackend.create(TestExperts.ffn(WIDTH), optimizer);
        backends.add(backend);
        return backend;
    }

    private ExpertBackend twoByTwo(OptimizerConfig optimizer) {
        ExpertBackend backend = ExpertBackend.create(TestExperts.twoByTwo(), optimizer);
        backends.add(backend);
        return backend;
    }

    private NDArray batch() {
        float[] values = new float[ROWS * WIDTH];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return arrays.manager().create(values, new Shape(ROWS, WIDTH));
    }

    private static Map<String, float[]> snapshot(Map<String, NDArray> parameters) {
        return parameters.entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, entry -> entry.getValue().toFloatArray()));
    }

    private static int managed(ExpertBackend backend) {
        return backend.parameters()
                .values()
                .iterator()
                .next()
                .getManager()
                .getManagedArrays()
                .size();
    }

    /** The same expert trained in one process by one graph. */
    private final class LocalExpert {

        private final Block block = TestExperts.ffn(WIDTH).block();
        private final ParameterStore store = new ParameterStore(arrays.manager(), false);
        private final Map<String, NDArray> parameters = new LinkedHashMap<>();
        private final ExpertOptimizer optimizer;

        LocalExpert(OptimizerConfig config) {
            block.initialize(arrays.manager(), DataType.FLOAT32, new Shape(1, WIDTH));
            block.getParameters().forEach(entry -> {
                NDArray array = entry.getValue().getArray();
                array.setRequiresGradient(true);
                parameters.put(entry.getKey(), array);
            });
            optimizer = config.create(arrays.manager(), parameters);
        }

        NDArray forward(NDArray x) {
            return block.forward(store, new NDList(x), false).singletonOrThrow();
        }

        /** Back-propagates {@code sum(y * upstream)}, as a loss would. */
        float[] train(NDArray x, NDArray upstream) {
            return train(x, upstream, 1);
        }

        float[] train(NDArray x, NDArray upstream, double learningRateFactor) {
            parameters.values().forEach(TensorOps::zeroGradient);
            NDArray leaf = TensorOps.leaf(x, true);
            TensorOps.setGradMode(true);
            NDArray loss = forward(leaf).mul(upstream).sum();
            TensorOps.vectorJacobianProduct(loss, arrays.manager().create(1f), false);
            TensorOps.setGradMode(false);
            optimizer.step(learningRateFactor);
            return leaf.getGradient().toFloatArray();
        }
    }

    @Test
    void forward_equalsTheLocalBlock() {
        ExpertBackend backend = ffn(OptimizerConfig.sgd());
        NDArray x = batch();

        NDArray y = backend.forward(new NDList(x)).singletonOrThrow();

        assertThat(y.toFloatArray())
                .containsExactly(
                        new LocalExpert(OptimizerConfig.sgd()).forward(x).toFloatArray(), CLOSE);
        assertThat(y.getManager()).isSameAs(arrays.manager());
    }

    @ParameterizedTest
    @ValueSource(strings = {"sgd", "momentum", "adam"})
    void backward_equalsLocalTrainingStepByStep(String name) {
        OptimizerConfig config = switch (name) {
            case "sgd" -> OptimizerConfig.sgd(0.05);
            case "momentum" -> new OptimizerConfig.Sgd(0.05, 0.9);
            default -> OptimizerConfig.adam(1e-3);
        };
        ExpertBackend backend = ffn(config);
        var local = new LocalExpert(config);

        for (int step = 0; step < 3; step++) {
            NDArray x = batch();
            NDArray upstream = batch();
            float[] gradient =
                    backend.backward(new NDList(x, upstream)).singletonOrThrow().toFloatArray();
            assertThat(gradient).containsExactly(local.train(x, upstream), CLOSE);
        }

        assertThat(backend.optimizer().steps()).isEqualTo(3);
        assertSame(backend.parameters(), local.parameters);
        assertSame(backend.optimizer().state(), local.optimizer.state());
    }

    private static void assertSame(Map<String, NDArray> actual, Map<String, NDArray> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        actual.forEach((key, array) -> assertThat(array.toFloatArray())
                .as(key)
                .containsExactly(expected.get(key).toFloatArray(), CLOSE));
    }

    @Test
    void backward_changesEveryParameter() {
        ExpertBackend backend = ffn(OptimizerConfig.sgd());
        Map<String, float[]> before = snapshot(backend.parameters());

        backend.backward(new NDList(batch(), batch()));

        snapshot(backend.parameters())
                .forEach((key, values) -> assertThat(values).as(key).isNotEqualTo(before.get(key)));
    }

    @Test
    void backward_ofAFrozenExpert_givesTheSameGradientsAndChangesNothing() {
        ExpertBackend frozen = ffn(OptimizerConfig.frozen());
        Map<String, float[]> before = snapshot(frozen.parameters());
        NDArray x = batch();
        NDArray upstream = batch();

        NDArray gradient = frozen.backward(new NDList(x, upstream)).singletonOrThrow();

        assertThat(gradient.toFloatArray())
                .containsExactly(new LocalExpert(OptimizerConfig.sgd()).train(x, upstream), CLOSE);
        assertThat(snapshot(frozen.parameters())).usingRecursiveComparison().isEqualTo(before);
        assertThat(frozen.schema(16).trainable()).isFalse();
    }

    @Test
    void backward_ofSeveralInputsAndOutputs_addsTheGradientsOfAllOutputs() {
        ExpertBackend backend = twoByTwo(OptimizerConfig.sgd(1));
        NDManager manager = arrays.manager();
        NDArray a = manager.create(new double[] {1, 2}, new Shape(1, 2));
        NDArray b = manager.create(new long[] {3, 4}, new Shape(1, 2));
        NDArray ones = manager.ones(new Shape(1, 2), DataType.FLOAT64);

        NDList gradients = backend.backward(new NDList(a, b, ones, ones));

        assertThat(gradients.get(0).toDoubleArray()).containsExactly(4, 5);
        assertThat(gradients.get(1).toLongArray()).containsExactly(0, 0);
        assertThat(backend.parameters().values().iterator().next().toFloatArray())
                .containsExactly(1 - 4, 1 - 10);
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void backward_withAnInputThatIsNotFinite_refusesTheStep(float poison) {
        ExpertBackend backend = ffn(OptimizerConfig.adam());
        NDArray x = batch();
        x.set(new ai.djl.ndarray.index.NDIndex(1, 3), poison);

        assertRefused(backend, new NDList(x, batch()), "An input");
    }

    @Test
    void backward_withAGradientThatIsNotFinite_refusesTheStep() {
        ExpertBackend backend = ffn(OptimizerConfig.adam());
        NDArray upstream = batch().mul(Float.NaN);

        assertRefused(backend, new NDList(batch(), upstream), "A gradient of an output");
    }

    @Test
    void backward_whoseGradientsOverflow_refusesTheStep() {
        ExpertBackend backend = ffn(OptimizerConfig.adam());
        NDArray upstream = arrays.manager().zeros(new Shape(ROWS, WIDTH));
        upstream.set(new ai.djl.ndarray.index.NDIndex(0, 0), 3e38f);
        NDArray x = batch().mul(1e-3);

        assertRefused(backend, new NDList(x, upstream), "A gradient of");
    }

    @Test
    void backward_withAGradientWhoseSquareOverflows_refusesTheStep() {
        ExpertBackend backend = ffn(OptimizerConfig.adam());
        NDArray upstream = arrays.manager().full(new Shape(ROWS, WIDTH), 1e22f);

        assertRefused(backend, new NDList(batch(), upstream), "A gradient of an output");
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
        ExpertBackend backend = ffn(OptimizerConfig.sgd());
        var local = new LocalExpert(OptimizerConfig.sgd());
        NDArray huge = arrays.manager().full(new Shape(ROWS, WIDTH), 1e38f);
        assertThatThrownBy(() -> backend.backward(new NDList(batch().mul(1e-6), huge)))
                .isInstanceOf(ExpertFailedException.class);
        NDArray x = batch();
        NDArray upstream = batch();

        backend.backward(new NDList(x, upstream));
        local.train(x, upstream);

        assertSame(backend.parameters(), local.parameters);
    }

    @Test
    void forward_withAnInputThatIsNotFinite_isRefused() {
        ExpertBackend backend = ffn(OptimizerConfig.sgd());

        assertThatThrownBy(() -> backend.forward(new NDList(batch().mul(Float.NaN))))
                .isInstanceOf(ExpertFailedException.class);
    }

    @Test
    void forward_withAnInputThatOverflowsOnItsWay_isRefused() {
        ExpertBackend backend = ffn(OptimizerConfig.sgd());
        NDArray huge = arrays.manager().full(new Shape(ROWS, WIDTH), 1e30f);

        assertThatThrownBy(() -> backend.forward(new NDList(huge))).isInstanceOf(ExpertFailedException.class);
    }

    @Test
    void calls_leaveNoArraysBehind() {
        ExpertBackend backend = ffn(OptimizerConfig.adam());
        runOnce(backend);
        int backendArrays = managed(backend);
        int callerArrays = arrays.count();

        for (int i = 0; i < 20; i++) {
            runOnce(backend);
        }

        assertThat(managed(backend)).isEqualTo(backendArrays);
        assertThat(arrays.count()).isEqualTo(callerArrays);
    }

    private void runOnce(ExpertBackend backend) {
        try (NDArray x = batch();
                NDArray upstream = batch();
                NDList outputs = backend.forward(new NDList(x));
                NDList gradients = backend.backward(new NDList(x, upstream))) {
            assertThat(outputs.size()).isEqualTo(gradients.size());
        }
    }

    @Test
    void schema_ofAnFfn_namesItsTensors() {
        ExpertSchema schema = ffn(OptimizerConfig.sgd()).schema(32);

        assertThat(schema.inputs()).hasToString("[x: float32(batch, 8)]");
        assertThat(schema.outputs()).hasToString("[y: float32(batch, 8)]");
        assertThat(schema.maxBatchSize()).isEqualTo(32);
        assertThat(schema.trainable()).isTrue();
    }

    @Test
    void close_freesTheParameters() {
        ExpertBackend backend = ffn(OptimizerConfig.adam());
        NDArray parameter = backend.parameters().values().iterator().next();

        backend.close();
        backend.close();

        assertThatThrownBy(parameter::toFloatArray).isInstanceOf(IllegalStateException.class);
    }

    private ExpertBackend ffn(TrainingConfig training) {
        ExpertBackend backend = ExpertBackend.create(TestExperts.ffn(WIDTH), training);
        backends.add(backend);
        return backend;
    }

    @Test
    void backward_underASchedule_followsTheStepsThatWereMade() {
        ExpertBackend backend =
                ffn(TrainingConfig.of(OptimizerConfig.sgd(0.5)).withSchedule(new LearningRateSchedule.Linear(2, 4)));
        var local = new LocalExpert(OptimizerConfig.sgd(0.5));
        double[] factors = {0, 0.5, 1, 0.5, 0};

        for (double factor : factors) {
            NDArray x = batch();
            NDArray upstream = batch();
            assertThatThrownBy(() -> backend.backward(new NDList(x, upstream.mul(Float.NaN))))
                    .isInstanceOf(ExpertFailedException.class);
            backend.backward(new NDList(x, upstream));
            local.train(x, upstream, factor);
        }

        assertThat(backend.optimizer().steps()).isEqualTo(factors.length);
        assertSame(backend.parameters(), local.parameters);
    }

    @Test
    void backward_withLargeGradients_isClippedByTheNormOverAllParameters() {
        ExpertBackend backend = ffn(TrainingConfig.of(OptimizerConfig.sgd(1)).withMaxGradientNorm(0.125));
        Map<String, float[]> before = snapshot(backend.parameters());

        backend.backward(new NDList(batch(), batch().mul(100)));

        double moved = 0;
        for (Map.Entry<String, float[]> entry : snapshot(backend.parameters()).entrySet()) {
            for (int i = 0; i < entry.getValue().length; i++) {
                double difference = entry.getValue()[i] - before.get(entry.getKey())[i];
                moved += difference * difference;
            }
        }
        assertThat(Math.sqrt(moved)).isCloseTo(0.125, Offset.offset(1e-5));
    }

    @Test
    void computeForward_withPoisonousRows_namesThem() {
        ExpertBackend backend = ffn(OptimizerConfig.frozen());
        NDArray x = batch();
        x.set(new ai.djl.ndarray.index.NDIndex(1, 3), Float.NaN);
        x.set(new ai.djl.ndarray.index.NDIndex(4, 0), Float.NEGATIVE_INFINITY);

        assertNames(() -> backend.computeForward(new NDList(x)), 1, 4);
    }

    @Test
    void computeForward_whoseOutputsOverflow_namesTheirRows() {
        ExpertBackend backend = ffn(OptimizerConfig.frozen());
        NDArray x = batch();
        x.set(new ai.djl.ndarray.index.NDIndex(2), 1e30f);

        assertNames(() -> backend.computeForward(new NDList(x)), 2);
    }

    @Test
    void computeForward_ofNumbersWhoseSumOverflows_isNotRefused() {
        ExpertBackend nop = ExpertBackend.create(TestExperts.named("nop", WIDTH), OptimizerConfig.sgd());
        backends.add(nop);
        NDArray x = arrays.manager().full(new Shape(ROWS, WIDTH), 3e38f);

        assertThat(nop.forward(new NDList(x)).head().toFloatArray()).containsOnly(3e38f);
    }

    @Test
    void computeBackward_withPoisonousRows_namesThem() {
        ExpertBackend backend = ffn(OptimizerConfig.adam());
        NDArray upstream = batch();
        upstream.set(new ai.djl.ndarray.index.NDIndex(0, 0), 1e22f);
        upstream.set(new ai.djl.ndarray.index.NDIndex(3, 7), Float.NaN);

        assertNames(() -> backend.computeBackward(new NDList(batch(), upstream)), 0, 3);
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

    @Test
    void computeBackward_untilItIsCommitted_changesNothing() {
        ExpertBackend backend = ffn(OptimizerConfig.sgd());
        Map<String, float[]> before = snapshot(backend.parameters());

        Computation computation = backend.computeBackward(new NDList(batch(), batch()));

        assertThat(snapshot(backend.parameters())).usingRecursiveComparison().isEqualTo(before);
        computation.commit().run();
        assertThat(backend.optimizer().steps()).isEqualTo(1);
        assertThat(backend.parameters().get("01expand_weight").toFloatArray())
                .isNotEqualTo(before.get("01expand_weight"));
    }
}
