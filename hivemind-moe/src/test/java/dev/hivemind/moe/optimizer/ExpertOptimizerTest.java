package dev.hivemind.moe.optimizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ExpertOptimizerTest {

    private static final int SIZE = 50;
    private static final int STEPS = 25;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Random random = new Random(5);
    private NDArray weight;
    private double[] expected;

    @BeforeEach
    void createWeight() {
        float[] values = new float[SIZE];
        expected = new double[SIZE];
        for (int i = 0; i < SIZE; i++) {
            values[i] = (float) random.nextGaussian();
            expected[i] = values[i];
        }
        weight = arrays.manager().create(values, new Shape(SIZE));
        weight.setRequiresGradient(true);
    }

    private ExpertOptimizer optimizer(OptimizerConfig config) {
        return config.create(arrays.manager(), Map.of("w", weight));
    }

    /** Gives the weight a gradient whose elements differ by orders of magnitude. */
    private float[] nextGradient() {
        float[] gradient = new float[SIZE];
        for (int i = 0; i < SIZE; i++) {
            gradient[i] = (float) (random.nextGaussian() * Math.pow(10, -random.nextInt(9)));
        }
        TensorOps.zeroGradient(weight);
        TensorOps.setGradMode(true);
        try (NDArray upstream = arrays.manager().create(gradient, new Shape(SIZE));
                NDArray output = weight.neg().neg()) {
            TensorOps.vectorJacobianProduct(output, upstream, false);
        }
        TensorOps.setGradMode(false);
        return gradient;
    }

    private void assertWeight(double tolerance) {
        assertClose(weight, expected, tolerance);
    }

    private static void assertClose(NDArray actual, double[] expected, double tolerance) {
        float[] values = actual.toFloatArray();
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) values[i]).as("element %d", i).isCloseTo(expected[i], Offset.offset(tolerance));
        }
    }

    @Test
    void step_ofSgd_equalsTheFormula() {
        ExpertOptimizer sgd = optimizer(OptimizerConfig.sgd(0.05));
        for (int step = 0; step < STEPS; step++) {
            float[] gradient = nextGradient();
            sgd.step();
            for (int i = 0; i < SIZE; i++) {
                expected[i] -= 0.05 * gradient[i];
            }
        }

        assertWeight(1e-6);
        assertThat(sgd.steps()).isEqualTo(STEPS);
        assertThat(sgd.state()).isEmpty();
    }

    @Test
    void step_atHalfTheLearningRate_movesHalfAsFar() {
        ExpertOptimizer sgd = optimizer(OptimizerConfig.sgd(0.05));
        float[] gradient = nextGradient();
        sgd.step(0.5);
        for (int i = 0; i < SIZE; i++) {
            expected[i] -= 0.025 * gradient[i];
        }

        assertWeight(1e-6);
    }

    @Test
    void step_ofSgdWithMomentum_equalsPyTorchsFormula() {
        ExpertOptimizer sgd = optimizer(new OptimizerConfig.Sgd(0.05, 0.9));
        double[] velocity = new double[SIZE];
        for (int step = 0; step < STEPS; step++) {
            float[] gradient = nextGradient();
            sgd.step();
            for (int i = 0; i < SIZE; i++) {
                velocity[i] = 0.9 * velocity[i] + gradient[i];
                expected[i] -= 0.05 * velocity[i];
            }
        }

        assertWeight(1e-5);
        assertClose(sgd.state().get("w/velocity"), velocity, 1e-5);
    }

    @Test
    void step_ofAdam_equalsPyTorchsFormulaInDoublePrecision() {
        ExpertOptimizer adam = optimizer(OptimizerConfig.adam(1e-3));
        double[] mean = new double[SIZE];
        double[] variance = new double[SIZE];
        for (int step = 1; step <= STEPS; step++) {
            float[] gradient = nextGradient();
            adam.step();
            for (int i = 0; i < SIZE; i++) {
                mean[i] = 0.9 * mean[i] + 0.1 * gradient[i];
                variance[i] = 0.999 * variance[i] + 0.001 * gradient[i] * gradient[i];
                double corrected = Math.sqrt(variance[i] / (1 - Math.pow(0.999, step)));
                expected[i] -= 1e-3 * mean[i] / (1 - Math.pow(0.9, step)) / (corrected + 1e-8);
            }
        }

        assertWeight(1e-5);
        assertClose(adam.state().get("w/mean"), mean, 1e-6);
        assertClose(adam.state().get("w/variance"), variance, 1e-6);
    }

    @Test
    void step_ofAdamW_equalsPyTorchsFormulaInDoublePrecision() {
        ExpertOptimizer adamW =
                optimizer(new OptimizerConfig.AdamW(new OptimizerConfig.Adam(1e-2, 0.9, 0.99, 1e-8), 0.1));
        double[] mean = new double[SIZE];
        double[] variance = new double[SIZE];
        for (int step = 1; step <= STEPS; step++) {
            float[] gradient = nextGradient();
            adamW.step();
            for (int i = 0; i < SIZE; i++) {
                expected[i] *= 1 - 1e-2 * 0.1;
                mean[i] = 0.9 * mean[i] + 0.1 * gradient[i];
                variance[i] = 0.99 * variance[i] + 0.01 * gradient[i] * gradient[i];
                double corrected = Math.sqrt(variance[i] / (1 - Math.pow(0.99, step)));
                expected[i] -= 1e-2 * mean[i] / (1 - Math.pow(0.9, step)) / (corrected + 1e-8);
            }
        }

        assertWeight(1e-5);
        assertClose(adamW.state().get("w/mean"), mean, 1e-6);
    }

    @Test
    void step_ofAdamWAtPartOfTheLearningRate_decaysAccordingly() {
        ExpertOptimizer adamW = optimizer(OptimizerConfig.adamW(1e-2));
        float[] gradient = nextGradient();
        adamW.step(0.5);
        for (int i = 0; i < SIZE; i++) {
            expected[i] *= 1 - 0.5 * 1e-2 * 1e-2;
            expected[i] -= 0.5 * 1e-2 * gradient[i] / (Math.abs(gradient[i]) + 1e-8);
        }

        assertWeight(1e-6);
    }

    @Test
    void step_atALearningRateOfZero_movesNothingButCounts() {
        ExpertOptimizer adamW = optimizer(OptimizerConfig.adamW(1e-2));
        nextGradient();

        adamW.step(0);

        assertWeight(0);
        assertThat(adamW.steps()).isEqualTo(1);
    }

    @Test
    void clip_scalesAllGradientsByOneFactor() {
        float[] gradient = nextGradient();
        double norm = Gradients.globalNorm(List.of(weight));
        double sum = 0;
        for (float value : gradient) {
            sum += (double) value * value;
        }
        assertThat(norm).isCloseTo(Math.sqrt(sum), Offset.offset(1e-5));

        float[] clipped = Gradients.times(weight.getGradient(), Gradients.clipFactor(norm, 0.25))
                .toFloatArray();

        assertThat(weight.getGradient().toFloatArray()).containsExactly(gradient);
        for (int i = 0; i < SIZE; i++) {
            assertThat((double) clipped[i]).isCloseTo(gradient[i] * 0.25 / (norm + 1e-6), Offset.offset(1e-7));
        }
    }

    @Test
    void clip_belowTheBound_changesNothing() {
        nextGradient();
        NDArray gradient = weight.getGradient();

        double factor = Gradients.clipFactor(Gradients.globalNorm(List.of(weight)), 1e6);

        assertThat(factor).isOne();
        assertThat(Gradients.times(gradient, factor)).isSameAs(gradient);
    }

    @Test
    void step_withGradModeOn_leavesTheWeightALeaf() {
        ExpertOptimizer adam = optimizer(OptimizerConfig.adam());
        ExpertOptimizer sgd = optimizer(new OptimizerConfig.Sgd(0.1, 0.5));
        ExpertOptimizer adamW = optimizer(OptimizerConfig.adamW(0.1));
        nextGradient();
        TensorOps.setGradMode(true);

        adam.step();
        adamW.step();
        sgd.step();

        float[] gradient = nextGradient();
        assertThat(weight.getGradient().toFloatArray()).containsExactly(gradient);
    }

    @Test
    void step_keepsNoArrays() {
        ExpertOptimizer adam = optimizer(OptimizerConfig.adam());
        nextGradient();
        adam.step();
        int before = arrays.count();

        adam.step();

        assertThat(arrays.count()).isEqualTo(before);
    }

    @Test
    void step_ofAFrozenExpert_changesNothing() {
        nextGradient();
        ExpertOptimizer frozen = optimizer(OptimizerConfig.frozen());

        frozen.step();

        assertWeight(0);
        assertThat(OptimizerConfig.frozen().isTrainable()).isFalse();
    }

    @Test
    void close_freesTheStateAlone() {
        ExpertOptimizer adam = optimizer(OptimizerConfig.adam());
        NDArray mean = adam.state().get("w/mean");

        adam.close();
        adam.close();

        assertThatThrownBy(mean::toFloatArray).isInstanceOf(IllegalStateException.class);
        assertWeight(0);
    }

    @Test
    void newConfig_outOfBounds_isRefused() {
        assertThatThrownBy(() -> OptimizerConfig.sgd(0)).hasMessageContaining("learningRate");
        assertThatThrownBy(() -> OptimizerConfig.sgd(Double.NaN)).hasMessageContaining("learningRate");
        assertThatThrownBy(() -> new OptimizerConfig.Sgd(1, 1)).hasMessageContaining("momentum");
        assertThatThrownBy(() -> new OptimizerConfig.Adam(1, 0.9, 0.99999999999, 1e-8))
                .hasMessageContaining("beta2");
        assertThatThrownBy(() -> new OptimizerConfig.Adam(1, 0.9, 0.999, 0)).hasMessageContaining("epsilon");
        assertThatThrownBy(() -> new OptimizerConfig.AdamW(new OptimizerConfig.Adam(0.1, 0.9, 0.999, 1e-8), 10))
                .hasMessageContaining("weightDecay");
        assertThatThrownBy(() -> TrainingConfig.of(OptimizerConfig.sgd()).withMaxGradientNorm(0))
                .hasMessageContaining("maxGradientNorm");
    }
}
