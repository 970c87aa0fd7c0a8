package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every kind of expert but {@code ffn}, forward and backward. */
class ExpertKindsTest {

    private static final int WIDTH = 4;
    private static final Offset<Float> CLOSE = Offset.offset(1e-5f);

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Random random = new Random(2);
    private final List<ExpertBackend> backends = new ArrayList<>();

    @AfterEach
    void closeBackends() {
        backends.forEach(ExpertBackend::close);
    }

    private ExpertBackend expert(String name) {
        ExpertBackend backend = ExpertBackend.create(TestExperts.named(name, WIDTH), OptimizerConfig.sgd(0.5));
        backends.add(backend);
        return backend;
    }

    private NDArray batch(long... shape) {
        var dimensions = new Shape(shape);
        float[] values = new float[(int) dimensions.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return arrays.manager().create(values, dimensions);
    }

    @ParameterizedTest
    @ValueSource(strings = {"nop", "nop_delay"})
    void nop_returnsWhatItIsGiven(String name) {
        ExpertBackend nop = expert(name);
        NDArray x = batch(3, WIDTH);
        NDArray upstream = batch(3, WIDTH);
        float[] values = x.toFloatArray();

        assertThat(nop.backward(new NDList(x, upstream)).singletonOrThrow().toFloatArray())
                .containsExactly(upstream.toFloatArray());
        assertThat(nop.forward(new NDList(x)).singletonOrThrow().toFloatArray()).containsExactly(values);
    }

    @Test
    void nopDelay_pausesWithoutSleeping() {
        assertThat(expert("nop_delay")
                        .computeForward(new NDList(batch(1, WIDTH)))
                        .pause())
                .hasMillis(500);
        assertThat(expert("nop").computeForward(new NDList(batch(1, WIDTH))).pause())
                .isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void pair_givesOutputsAndGradientsOfBothInputs(int rows) {
        ExpertBackend pair = expert("pair");
        NDArray a = batch(rows, WIDTH);
        NDArray b = batch(rows, WIDTH);
        NDArray scaledGradient = batch(rows, WIDTH);
        NDArray totalGradient = batch(rows);
        NDArray expectedGradient = scaledGradient.add(totalGradient.reshape(rows, 1));
        float[] expectedWeight = expectedGradient.mul(a).sum(new int[] {0}).toFloatArray();

        NDList outputs = pair.forward(new NDList(a, b));
        NDList gradients = pair.backward(new NDList(a, b, scaledGradient, totalGradient));

        assertThat(outputs.get(0).toFloatArray()).containsExactly(a.add(b).toFloatArray(), CLOSE);
        assertThat(outputs.get(1).toFloatArray())
                .containsExactly(a.add(b).sum(new int[] {1}).toFloatArray(), CLOSE);
        assertThat(gradients.get(0).toFloatArray()).containsExactly(expectedGradient.toFloatArray(), CLOSE);
        assertThat(gradients.get(1).toFloatArray()).containsExactly(expectedGradient.toFloatArray(), CLOSE);
        float[] weight = pair.parameters().values().iterator().next().toFloatArray();
        for (int i = 0; i < WIDTH; i++) {
            assertThat(weight[i]).isCloseTo(1 - 0.5f * expectedWeight[i], CLOSE);
        }
    }

    @Test
    void detDropout_equalsTheFormulaInDoublePrecision() {
        ExpertBackend expert = expert("det_dropout");
        NDArray x = batch(5, WIDTH);
        NDArray mask = batch(5, WIDTH).gt(0);

        float[] y = expert.forward(new NDList(x, mask)).singletonOrThrow().toFloatArray();

        assertThat(y).containsExactly(reference(x.toFloatArray(), mask.toBooleanArray(), parameters(expert)), CLOSE);
    }

    @Test
    void detDropout_givesNoGradientToWhatIsDroppedNorToTheMask() {
        ExpertBackend expert = expert("det_dropout");
        NDArray x = batch(5, WIDTH);
        NDArray mask = batch(5, WIDTH).gt(0);
        boolean[] kept = mask.toBooleanArray();

        NDList gradients = expert.backward(new NDList(x, mask, batch(5, WIDTH)));

        float[] gradient = gradients.get(0).toFloatArray();
        for (int i = 0; i < kept.length; i++) {
            assertThat(gradient[i] != 0).as("element %d", i).isEqualTo(kept[i]);
        }
        assertThat(gradients.get(1).getDataType()).isEqualTo(DataType.BOOLEAN);
        assertThat(gradients.get(1).toBooleanArray()).containsOnly(false);
    }

    private static Map<String, float[]> parameters(ExpertBackend expert) {
        return expert.parameters().entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, entry -> entry.getValue().toFloatArray()));
    }

    private static float[] reference(float[] x, boolean[] mask, Map<String, float[]> parameters) {
        float[] y = new float[x.length];
        for (int row = 0; row < x.length / WIDTH; row++) {
            double[] in = new double[WIDTH];
            for (int i = 0; i < WIDTH; i++) {
                in[i] = mask[row * WIDTH + i] ? x[row * WIDTH + i] / 0.8 : 0;
            }
            double[] hidden = linear(in, parameters.get("01expand_weight"), parameters.get("01expand_bias"));
            for (int i = 0; i < hidden.length; i++) {
                hidden[i] = Math.max(0, hidden[i]);
            }
            double[] out = linear(hidden, parameters.get("02contract_weight"), parameters.get("02contract_bias"));
            for (int i = 0; i < WIDTH; i++) {
                y[row * WIDTH + i] = (float) out[i];
            }
        }
        return y;
    }

    private static double[] linear(double[] in, float[] weight, float[] bias) {
        double[] out = new double[bias.length];
        for (int o = 0; o < out.length; o++) {
            out[o] = bias[o];
            for (int i = 0; i < in.length; i++) {
                out[o] += weight[o * in.length + i] * in[i];
            }
        }
        return out;
    }
}
