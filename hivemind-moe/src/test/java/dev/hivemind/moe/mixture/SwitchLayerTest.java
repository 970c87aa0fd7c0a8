package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.Layer;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.RandomArrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class SwitchLayerTest {

    private static final int WIDTH = 8;
    private static final int ROWS = 12;
    private static final float TOLERANCE = 1e-5f;
    private static final int STEPS = 20;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Swarm swarm = new Swarm();

    @BeforeEach
    void host() {
        swarm.host(0, 3, WIDTH, OptimizerConfig.frozen());
    }

    @AfterEach
    void close() {
        swarm.close();
    }

    private RemoteSwitchMixtureOfExperts.Builder builder() {
        return RemoteSwitchMixtureOfExperts.builder(swarm.client(), arrays.manager())
                .grid("ffn.[0:4]")
                .inFeatures(WIDTH)
                .seed(3);
    }

    private NDArray samples() {
        return RandomArrays.leaf(arrays.manager(), 11, ROWS, WIDTH);
    }

    private NDArray loss(NDArray output, NDArray balancingLoss) {
        float[] weights = RandomArrays.numbers(13, ROWS * WIDTH);
        return output.mul(arrays.manager().create(weights, new Shape(ROWS, WIDTH)))
                .sum()
                .add(balancingLoss);
    }

    private static void assertClose(NDArray actual, NDArray expected) {
        assertThat(actual.toFloatArray())
                .usingComparatorWithPrecision(TOLERANCE)
                .containsExactly(expected.toFloatArray());
    }

    @Test
    void layer_inAPipeline_givesTheGradientsOfABlockingTape() {
        RemoteSwitchMixtureOfExperts blocking = builder().gridDropout(0.7).build();
        RemoteSwitchMixtureOfExperts reactive = builder().gridDropout(0.7).build();
        NDArray expected = samples();
        NDArray samples = samples();
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            var output = blocking.forward(tape, expected, true);
            tape.backward(loss(output.output(), output.balancingLoss()));
        }

        Layer model = reactive.asLayer().then(Layer.local(outputs -> new NDList(loss(outputs.get(0), outputs.get(1)))));
        ReactiveTape.step(
                        swarm.client(),
                        tape -> model.forward(tape, new NDList(samples)).flatMap(loss -> tape.backward(loss.head())))
                .block(Swarm.TIMEOUT);

        assertClose(samples.getGradient(), expected.getGradient());
        for (int i = 0; i < 2; i++) {
            assertClose(
                    reactive.parameters().get(i).getGradient(),
                    blocking.parameters().get(i).getGradient());
        }
        assertThat(reactive.utilization(0)).isEqualTo(blocking.utilization(0));
    }

    @Test
    void layer_outsideOfTraining_isNotNoisyAndCountsNothing() {
        RemoteSwitchMixtureOfExperts mixture =
                builder().gridDropout(0.5).jitter(0.5).build();
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            float[] first = mixture.forward(tape, samples(), false).output().toFloatArray();
            float[] second = mixture.forward(tape, samples(), false).output().toFloatArray();

            assertThat(second).isEqualTo(first);
        }
        assertThat(mixture.utilization(0)).containsOnly(0.25f);
    }

    @Test
    void gridDropout_inTraining_sendsSamplesToOthersThanTheFavourite() {
        RemoteSwitchMixtureOfExperts mixture =
                builder().gridDropout(0.5).jitter(0).build();
        mixture.parameters().get(0).set(new float[WIDTH * 4]);
        mixture.parameters().get(1).set(new float[] {9, 6, 3, 0});
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            mixture.forward(tape, samples(), false);
            assertThat(mixture.statistics().rowsByExpert()).hasSize(1);

            IntStream.range(0, STEPS).forEach(step -> mixture.forward(tape, samples(), true));
        }

        assertThat(mixture.statistics().rowsByExpert()).hasSizeGreaterThan(2);
        assertThat(mixture.statistics().rowsByExpert().values().stream()
                        .mapToLong(Long::longValue)
                        .sum())
                .isEqualTo((STEPS + 1L) * ROWS);
        assertThat(mixture.utilization(0)[0]).isLessThan(0.9f);
    }
}
