package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.RandomArrays;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.RequestHandler;
import dev.hivemind.rsocket.error.UnknownExpertException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Mono;

/** A whole step of a batch whose rows get three, two, one or none of the experts they chose, against the same at home. */
class RaggedBatchTest {

    private static final int WIDTH = 8;
    private static final int ROWS = 100;
    private static final int GRID = 6;
    private static final int K_BEST = 3;
    private static final Set<Integer> DECLARED = Set.of(0, 1, 2, 3, 4, 5);
    private static final Set<Integer> ANSWERING = Set.of(0, 1, 2);
    private static final float TOLERANCE = 1e-4f;
    private static final RequestHandler NONEXISTENT =
            (caller, request) -> Mono.error(new UnknownExpertException("There is no such expert"));

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Swarm swarm = new Swarm();
    private final List<ScriptedExpert> nonexistent = new ArrayList<>();
    private RemoteMixtureOfExperts mixture;

    @BeforeEach
    void start() {
        swarm.host(0, 2, WIDTH, OptimizerConfig.frozen());
        for (int expert = 3; expert < GRID; expert++) {
            var declared = new ScriptedExpert(swarm, "ffn." + expert, WIDTH);
            declared.forward = NONEXISTENT;
            nonexistent.add(declared);
        }
        mixture = RemoteMixtureOfExperts.builder(swarm.client(), arrays.manager())
                .grid("ffn.[0:6]")
                .inFeatures(WIDTH)
                .kBest(K_BEST)
                .seed(7)
                .build();
        mixture.parameters().get(0).set(eachIndexByAFeatureOfItsOwn());
    }

    @AfterEach
    void close() {
        swarm.close();
        nonexistent.forEach(ScriptedExpert::close);
    }

    private static float[] eachIndexByAFeatureOfItsOwn() {
        float[] weight = new float[WIDTH * GRID];
        for (int index = 0; index < GRID; index++) {
            weight[index * GRID + index] = 1;
        }
        return weight;
    }

    private NDArray samples() {
        return RandomArrays.leaf(arrays.manager(), 11, ROWS, WIDTH);
    }

    private NDArray loss(NDArray output) {
        float[] weights = RandomArrays.numbers(13, ROWS * WIDTH);
        return output.mul(arrays.manager().create(weights, new Shape(ROWS, WIDTH)))
                .sum();
    }

    private float[][] gradients(NDArray samples) {
        float[][] gradients = {
            samples.getGradient().toFloatArray(),
            mixture.parameters().get(0).getGradient().toFloatArray(),
            mixture.parameters().get(1).getGradient().toFloatArray()
        };
        mixture.parameters().forEach(TensorOps::zeroGradient);
        return gradients;
    }

    private float[][] locally(NDArray samples) {
        var reference = new LocalMixture(arrays.manager(), mixture.parameters(), K_BEST);
        return TensorOps.withGradMode(true, () -> {
            NDArray loss = loss(reference.output(samples, DECLARED, ANSWERING));
            TensorOps.vectorJacobianProduct(loss, loss.onesLike(), false);
            return gradients(samples);
        });
    }

    /** How many of its experts each row gets. */
    private Set<Long> raggedness(NDArray samples) {
        float[] logits = samples.dot(mixture.parameters().get(0))
                .add(mixture.parameters().get(1))
                .toFloatArray();
        Set<Long> counts = new TreeSet<>();
        for (int row = 0; row < ROWS; row++) {
            int first = row * GRID;
            counts.add(IntStream.range(0, GRID)
                    .boxed()
                    .sorted((a, b) -> Float.compare(logits[first + b], logits[first + a]))
                    .limit(K_BEST)
                    .filter(ANSWERING::contains)
                    .count());
        }
        return counts;
    }

    @Test
    void step_ofARaggedBatch_hasTheOutputsAndGradientsOfTheLocalMixture() {
        NDArray samples = samples();
        assertThat(raggedness(samples)).containsExactly(0L, 1L, 2L, 3L);
        float[] expected = new LocalMixture(arrays.manager(), mixture.parameters(), K_BEST)
                .output(samples, DECLARED, ANSWERING)
                .toFloatArray();
        float[][] expectedGradients = locally(samples());

        float[] output;
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            NDArray outputs = mixture.forward(tape, samples);
            output = outputs.toFloatArray();
            tape.backward(loss(outputs));
        }
        float[][] gradients = gradients(samples);

        assertThat(output).usingComparatorWithPrecision(TOLERANCE).containsExactly(expected);
        for (int i = 0; i < gradients.length; i++) {
            assertThat(gradients[i]).usingComparatorWithPrecision(TOLERANCE).containsExactly(expectedGradients[i]);
        }
    }
}
