package dev.hivemind.moe.expert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.TensorOps;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class FeedForwardExpertTest {

    private static final int WIDTH = 6;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private Block block(long seed) {
        Block block = ExpertFactories.named("ffn")
                .create(new ExpertOptions(WIDTH, seed))
                .block();
        block.initialize(arrays.manager(), DataType.FLOAT32, new Shape(1, WIDTH));
        return block;
    }

    private static Map<String, float[]> values(Block block) {
        return block.getParameters().stream()
                .collect(Collectors.toMap(
                        entry -> entry.getKey(),
                        entry -> entry.getValue().getArray().toFloatArray()));
    }

    @Test
    void forward_equalsTheFormulaInDoublePrecision() {
        Block block = block(3);
        float[] x = random(4 * WIDTH);

        NDArray input = arrays.manager().create(x, new Shape(4, WIDTH));
        float[] y = block.forward(new ParameterStore(arrays.manager(), false), new NDList(input), false)
                .singletonOrThrow()
                .toFloatArray();

        assertThat(y).containsExactly(reference(x, values(block)), Offset.offset(1e-5f));
    }

    /** The engine does not keep the memory of plain numbers in a graph alive; the expert has to. */
    @Test
    void gradient_afterGarbageCollectionsBetweenForwardAndBackward_isTheSame() {
        Block block = block(3);
        float[] undisturbed = inputGradient(block, () -> {});

        for (int round = 0; round < 10; round++) {
            assertThat(inputGradient(block, FeedForwardExpertTest::reuseFreedMemory))
                    .containsExactly(undisturbed);
        }
    }

    private float[] inputGradient(Block block, Runnable betweenForwardAndBackward) {
        return TensorOps.withGradMode(true, () -> {
            NDArray input = arrays.manager().create(random(4 * WIDTH), new Shape(4, WIDTH));
            input.setRequiresGradient(true);
            NDArray output = block.forward(new ParameterStore(arrays.manager(), false), new NDList(input), true)
                    .singletonOrThrow();
            betweenForwardAndBackward.run();
            TensorOps.vectorJacobianProduct(output, output.mul(output), false);
            return input.getGradient().toFloatArray();
        });
    }

    private static void reuseFreedMemory() {
        System.gc();
        for (int i = 0; i < 2_000; i++) {
            ByteBuffer.allocateDirect(8).putLong(0, Double.doubleToLongBits(Double.NaN));
        }
    }

    @Test
    void create_withTheSameSeed_givesTheSameParameters() {
        assertThat(values(block(5))).usingRecursiveComparison().isEqualTo(values(block(5)));
    }

    @Test
    void create_withAnotherSeed_givesOtherParameters() {
        assertThat(values(block(5)).get("01expand_weight"))
                .isNotEqualTo(values(block(6)).get("01expand_weight"));
    }

    @Test
    void create_drawsFromTheRangeOfPyTorchsLinear() {
        Map<String, float[]> parameters = values(block(1));

        assertThat(parameters.get("01expand_weight")).hasSize(4 * WIDTH * WIDTH);
        assertSpread(parameters.get("01expand_weight"), 1 / Math.sqrt(WIDTH));
        assertSpread(parameters.get("01expand_bias"), 1 / Math.sqrt(WIDTH));
        assertSpread(parameters.get("02contract_weight"), 1 / Math.sqrt(4 * WIDTH));
        assertThat(parameters.get("03norm_gamma")).containsOnly(1f);
        assertThat(parameters.get("03norm_beta")).containsOnly(0f);
    }

    @Test
    void named_ofAnUnknownKind_namesTheKnownOnes() {
        assertThatThrownBy(() -> ExpertFactories.named("transfomer"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("'transfomer'", "ffn");
    }

    @Test
    void newOptions_withoutWidth_areRefused() {
        assertThatThrownBy(() -> new ExpertOptions(0, 1)).isInstanceOf(IllegalArgumentException.class);
    }

    private static void assertSpread(float[] values, double bound) {
        float largest = 0;
        for (float value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertThat((double) largest).isBetween(0.8 * bound, bound);
    }

    private static float[] random(int count) {
        var random = new Random(11);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static float[] reference(float[] x, Map<String, float[]> parameters) {
        float[] y = new float[x.length];
        for (int row = 0; row < x.length / WIDTH; row++) {
            double[] in = new double[WIDTH];
            for (int i = 0; i < WIDTH; i++) {
                in[i] = x[row * WIDTH + i];
            }
            double[] hidden = linear(in, parameters.get("01expand_weight"), parameters.get("01expand_bias"));
            for (int i = 0; i < hidden.length; i++) {
                double h = hidden[i];
                hidden[i] = 0.5 * h * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (h + 0.044715 * h * h * h)));
            }
            double[] out = linear(hidden, parameters.get("02contract_weight"), parameters.get("02contract_bias"));
            for (int i = 0; i < WIDTH; i++) {
                out[i] += in[i];
            }
            normalize(out);
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

    private static void normalize(double[] values) {
        double mean = 0;
        double variance = 0;
        for (double value : values) {
            mean += value / values.length;
        }
        for (double value : values) {
            variance += (value - mean) * (value - mean) / values.length;
        }
        for (int i = 0; i < values.length; i++) {
            values[i] = (values[i] - mean) / Math.sqrt(variance + 1e-12);
        }
    }
}
