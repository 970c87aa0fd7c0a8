package dev.hivemind.moe.server;

import static dev.hivemind.moe.server.Backends.CLOSE;
import static dev.hivemind.moe.server.Backends.assertSame;
import static dev.hivemind.moe.server.Backends.snapshot;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.norm.BatchNorm;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.optimizer.TrainingConfig;
import dev.hivemind.moe.server.batching.Computation;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.tensor.ElementType;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExpertBackendTest {

    @RegisterExtension
    final Backends backends = new Backends();

    @Test
    void forward_equalsTheLocalBlock() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.sgd());
        NDArray x = backends.batch();

        NDArray y = backend.forward(new NDList(x)).singletonOrThrow();

        assertThat(y.toFloatArray())
                .containsExactly(
                        new LocalExpert(backends.manager(), OptimizerConfig.sgd())
                                .forward(x)
                                .toFloatArray(),
                        CLOSE);
        assertThat(y.getManager()).isSameAs(backends.manager());
    }

    @ParameterizedTest
    @ValueSource(strings = {"sgd", "momentum", "adam"})
    void backward_equalsLocalTrainingStepByStep(String name) {
        OptimizerConfig config = switch (name) {
            case "sgd" -> OptimizerConfig.sgd(0.05);
            case "momentum" -> new OptimizerConfig.Sgd(0.05, 0.9);
            default -> OptimizerConfig.adam(1e-3);
        };
        ExpertBackend backend = backends.ffn(config);
        var local = new LocalExpert(backends.manager(), config);

        for (int step = 0; step < 3; step++) {
            NDArray x = backends.batch();
            NDArray upstream = backends.batch();
            float[] gradient =
                    backend.backward(new NDList(x, upstream)).singletonOrThrow().toFloatArray();
            assertThat(gradient).containsExactly(local.train(x, upstream), CLOSE);
        }

        assertThat(backend.optimizer().steps()).isEqualTo(3);
        assertSame(backend.parameters(), local.parameters());
        assertSame(backend.optimizer().state(), local.optimizer().state());
    }

    private ExpertBackend normalizing(OptimizerConfig optimizer) {
        return backends.backend(
                new ExpertDefinition(
                        BatchNorm.builder().build(),
                        List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, Backends.WIDTH)),
                        List.of(TensorSpec.of("y", ElementType.FLOAT32, TensorSpec.BATCH, Backends.WIDTH))),
                optimizer);
    }

    private static void assertUnchanged(ExpertBackend backend, Map<String, float[]> before) {
        snapshot(backend.parameters())
                .forEach((key, values) -> assertThat(values).as(key).isEqualTo(before.get(key)));
    }

    @Test
    void computeBackward_ofABlockWithRunningAverages_changesThemWithItsCommit() {
        ExpertBackend backend = normalizing(OptimizerConfig.sgd());
        Map<String, float[]> before = snapshot(backend.parameters());

        Computation computation = backend.computeBackward(new NDList(backends.batch(), backends.batch()));
        assertUnchanged(backend, before);
        computation.commit().run();

        assertThat(snapshot(backend.parameters()).get("runningMean")).isNotEqualTo(before.get("runningMean"));
        assertThat(snapshot(backend.parameters()).get("runningVar")).isNotEqualTo(before.get("runningVar"));
    }

    @Test
    void backward_withRowsThatSpoilRunningAverages_changesNothing() {
        ExpertBackend backend = normalizing(OptimizerConfig.sgd());
        Map<String, float[]> before = snapshot(backend.parameters());
        NDArray large = backends.batch().mul(1e25f);

        assertThatThrownBy(() -> backend.backward(new NDList(large, backends.batch())))
                .isInstanceOf(ExpertFailedException.class);

        assertUnchanged(backend, before);
    }

    @Test
    void backward_ofAFrozenBlockWithRunningAverages_changesNothing() {
        ExpertBackend backend = normalizing(OptimizerConfig.frozen());
        Map<String, float[]> before = snapshot(backend.parameters());

        backend.backward(new NDList(backends.batch(), backends.batch()));

        assertUnchanged(backend, before);
    }

    @Test
    void backward_changesEveryParameter() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.sgd());
        Map<String, float[]> before = snapshot(backend.parameters());

        backend.backward(new NDList(backends.batch(), backends.batch()));

        snapshot(backend.parameters())
                .forEach((key, values) -> assertThat(values).as(key).isNotEqualTo(before.get(key)));
    }

    @Test
    void backward_ofAFrozenExpert_givesTheSameGradientsAndChangesNothing() {
        ExpertBackend frozen = backends.ffn(OptimizerConfig.frozen());
        Map<String, float[]> before = snapshot(frozen.parameters());
        NDArray x = backends.batch();
        NDArray upstream = backends.batch();

        NDArray gradient = frozen.backward(new NDList(x, upstream)).singletonOrThrow();

        assertThat(gradient.toFloatArray())
                .containsExactly(new LocalExpert(backends.manager(), OptimizerConfig.sgd()).train(x, upstream), CLOSE);
        assertThat(snapshot(frozen.parameters())).usingRecursiveComparison().isEqualTo(before);
        assertThat(frozen.schema(16).trainable()).isFalse();
    }

    @Test
    void backward_ofSeveralInputsAndOutputs_addsTheGradientsOfAllOutputs() {
        ExpertBackend backend = backends.backend(TestExperts.twoByTwo(), OptimizerConfig.sgd(1));
        NDManager manager = backends.manager();
        NDArray a = manager.create(new double[] {1, 2}, new Shape(1, 2));
        NDArray b = manager.create(new long[] {3, 4}, new Shape(1, 2));
        NDArray ones = manager.ones(new Shape(1, 2), DataType.FLOAT64);

        NDList gradients = backend.backward(new NDList(a, b, ones, ones));

        assertThat(gradients.get(0).toDoubleArray()).containsExactly(4, 5);
        assertThat(gradients.get(1).toLongArray()).containsExactly(0, 0);
        assertThat(backend.parameters().values().iterator().next().toFloatArray())
                .containsExactly(1 - 4, 1 - 10);
    }

    @Test
    void backward_ofABlockThatHasAParameterByTwoNames_stepsItOnce() {
        ExpertBackend backend = backends.backend(TestExperts.scaleByTwoNames(), OptimizerConfig.sgd(0.5));

        backwardOfOneRow(backend);
        backwardOfOneRow(backend);

        assertThat(backend.parameters()).hasSize(2);
        backend.parameters()
                .forEach((name, weight) ->
                        assertThat(weight.toFloatArray()).as(name).containsExactly(0, -1));
    }

    @Test
    void backward_ofABlockThatAsksNoStore_trainsItAllTheSame() {
        ExpertBackend backend = backends.backend(TestExperts.scaleWithoutStore(), OptimizerConfig.sgd(0.5));

        backwardOfOneRow(backend);
        backwardOfOneRow(backend);

        assertThat(backend.parameters().values().iterator().next().toFloatArray())
                .containsExactly(0, -1);
    }

    @Test
    void backward_ofGradientsThatShareMemory_takesEachOnce() {
        ExpertBackend backend = backends.backend(TestExperts.sumOfViews(), OptimizerConfig.sgd(0.5));

        backwardOfOneRow(backend);
        backwardOfOneRow(backend);

        backend.parameters()
                .forEach((name, weight) ->
                        assertThat(weight.toFloatArray()).as(name).containsExactly(0, 0));
    }

    @Test
    void backward_ofLargeGradientsThatShareMemory_clipsEachOnce() {
        ExpertBackend backend = backends.backend(
                TestExperts.sumOfViews(),
                TrainingConfig.of(OptimizerConfig.sgd(1)).withMaxGradientNorm(1));

        backwardOfOneRow(backend);

        backend.parameters()
                .forEach((name, weight) -> assertThat(weight.toFloatArray())
                        .as(name)
                        .containsExactly(new float[] {0.5f, 0.5f}, Offset.offset(1e-5f)));
    }

    private void backwardOfOneRow(ExpertBackend backend) {
        NDArray x = backends.manager().create(new float[] {1, 2}, new Shape(1, 2));
        backend.backward(new NDList(x, x.onesLike()));
    }

    @Test
    void calls_leaveNoArraysBehind() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.adam());
        runOnce(backend);
        int backendArrays = managed(backend);
        int callerArrays = backends.arrayCount();

        for (int i = 0; i < 20; i++) {
            runOnce(backend);
        }

        assertThat(managed(backend)).isEqualTo(backendArrays);
        assertThat(backends.arrayCount()).isEqualTo(callerArrays);
    }

    private void runOnce(ExpertBackend backend) {
        try (NDArray x = backends.batch();
                NDArray upstream = backends.batch();
                NDList outputs = backend.forward(new NDList(x));
                NDList gradients = backend.backward(new NDList(x, upstream))) {
            assertThat(outputs.size()).isEqualTo(gradients.size());
        }
    }

    @Test
    void schema_ofAnFfn_namesItsTensors() {
        ExpertSchema schema = backends.ffn(OptimizerConfig.sgd()).schema(32);

        assertThat(schema.inputs()).hasToString("[x: float32(batch, 8)]");
        assertThat(schema.outputs()).hasToString("[y: float32(batch, 8)]");
        assertThat(schema.maxBatchSize()).isEqualTo(32);
        assertThat(schema.trainable()).isTrue();
    }

    @Test
    void close_freesTheParameters() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.adam());
        NDArray parameter = backend.parameters().values().iterator().next();

        backend.close();
        backend.close();

        assertThatThrownBy(parameter::toFloatArray).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void backward_underASchedule_followsTheStepsThatWereMade() {
        ExpertBackend backend = backends.ffn(
                TrainingConfig.of(OptimizerConfig.sgd(0.5)).withSchedule(new LearningRateSchedule.Linear(2, 4)));
        var local = new LocalExpert(backends.manager(), OptimizerConfig.sgd(0.5));
        double[] factors = {0, 0.5, 1, 0.5, 0};

        for (double factor : factors) {
            NDArray x = backends.batch();
            NDArray upstream = backends.batch();
            assertThatThrownBy(() -> backend.backward(new NDList(x, upstream.mul(Float.NaN))))
                    .isInstanceOf(ExpertFailedException.class);
            backend.backward(new NDList(x, upstream));
            local.train(x, upstream, factor);
        }

        assertThat(backend.optimizer().steps()).isEqualTo(factors.length);
        assertSame(backend.parameters(), local.parameters());
    }

    @Test
    void backward_withLargeGradients_isClippedByTheNormOverAllParameters() {
        ExpertBackend backend =
                backends.ffn(TrainingConfig.of(OptimizerConfig.sgd(1)).withMaxGradientNorm(0.125));
        Map<String, float[]> before = snapshot(backend.parameters());

        backend.backward(new NDList(backends.batch(), backends.batch().mul(100)));

        double moved = snapshot(backend.parameters()).entrySet().stream()
                .mapToDouble(entry -> distance(entry.getValue(), before.get(entry.getKey())))
                .reduce(0, Math::hypot);
        assertThat(moved).isCloseTo(0.125, Offset.offset(1e-5));
    }

    @Test
    void backward_ofTwoCallsInOneBatch_movesAsFarAsTwoBatches() {
        ExpertBackend together = backends.ffn(OptimizerConfig.sgd(1e-4));
        ExpertBackend apart = backends.ffn(OptimizerConfig.sgd(1e-4));
        Map<String, float[]> before = snapshot(together.parameters());
        NDList one = new NDList(backends.batch(), backends.batch());
        NDList other = new NDList(backends.batch(), backends.batch());

        together.backward(new NDList(one.get(0).concat(other.get(0)), one.get(1).concat(other.get(1))));
        apart.backward(one);
        apart.backward(other);

        Map<String, float[]> expected = snapshot(apart.parameters());
        snapshot(together.parameters())
                .forEach((name, values) -> assertThat(distance(values, expected.get(name)))
                        .isLessThan(0.02 * distance(expected.get(name), before.get(name))));
    }

    private static double distance(float[] some, float[] others) {
        double squares = 0;
        for (int i = 0; i < some.length; i++) {
            squares += Math.pow(some[i] - (double) others[i], 2);
        }
        return Math.sqrt(squares);
    }

    @Test
    void computeBackward_untilItIsCommitted_changesNothing() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.sgd());
        Map<String, float[]> before = snapshot(backend.parameters());

        Computation computation = backend.computeBackward(new NDList(backends.batch(), backends.batch()));

        assertThat(snapshot(backend.parameters())).usingRecursiveComparison().isEqualTo(before);
        computation.commit().run();
        assertThat(backend.optimizer().steps()).isEqualTo(1);
        assertThat(backend.parameters().get("01expand_weight").toFloatArray())
                .isNotEqualTo(before.get("01expand_weight"));
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
}
