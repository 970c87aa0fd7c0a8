package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.Layer;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.RandomArrays;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

class RemoteMixtureOfExpertsTest {

    private static final int WIDTH = 8;
    private static final int ROWS = 12;
    private static final int GRID = 6;
    private static final int K_BEST = 2;
    private static final float TOLERANCE = 1e-5f;

    private final Swarm swarm = new Swarm();
    private NDManager manager;
    private RemoteMixtureOfExperts mixture;

    @BeforeEach
    void start() {
        TensorOps.prepareThread(1);
        manager = TensorOps.newManager();
        swarm.host(0, 2, WIDTH, OptimizerConfig.frozen()).host(3, 5, WIDTH, OptimizerConfig.frozen());
        mixture = mixture(K_BEST);
    }

    @AfterEach
    void close() {
        manager.close();
        swarm.close();
    }

    private RemoteMixtureOfExperts mixture(int kBest) {
        return RemoteMixtureOfExperts.builder(swarm.client(), manager)
                .grid("ffn.[0:6]")
                .inFeatures(WIDTH)
                .kBest(kBest)
                .seed(5)
                .build();
    }

    private NDArray samples() {
        return RandomArrays.leaf(manager, 11, ROWS, WIDTH);
    }

    private static Set<Integer> all() {
        return IntStream.range(0, GRID).boxed().collect(Collectors.toCollection(TreeSet::new));
    }

    private NDArray locally(NDArray samples, Set<Integer> alive) {
        return new LocalMixture(manager, mixture.parameters(), K_BEST).output(samples, alive, alive);
    }

    private static float[] weighting() {
        float[] weighting = new float[ROWS * WIDTH];
        Arrays.setAll(new Object[weighting.length], i -> weighting[i] = (i % 7) - 3);
        return weighting;
    }

    private NDArray loss(NDArray output) {
        return output.mul(manager.create(weighting(), new Shape(ROWS, WIDTH))).sum();
    }

    private static void assertClose(NDArray actual, float[] expected, String what) {
        assertThat(actual.toFloatArray())
                .as(what)
                .usingComparatorWithPrecision(10 * TOLERANCE)
                .containsExactly(expected);
    }

    @Test
    void forward_overTwoServers_equalsTheLocalMixture() {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            NDArray samples = samples();
            assertClose(mixture.forward(tape, samples), locally(samples, all()).toFloatArray(), "output");
        }
    }

    @Test
    void backward_overTwoServers_equalsTheLocalGradientsOfSamplesAndGate() {
        float[][] expected = new float[3][];
        TensorOps.setGradMode(true);
        NDArray local = samples();
        NDArray localLoss = loss(locally(local, all()));
        TensorOps.vectorJacobianProduct(localLoss, localLoss.onesLike(), false);
        TensorOps.setGradMode(false);
        expected[0] = local.getGradient().toFloatArray();
        expected[1] = mixture.parameters().get(0).getGradient().toFloatArray();
        expected[2] = mixture.parameters().get(1).getGradient().toFloatArray();
        mixture.parameters().forEach(TensorOps::zeroGradient);

        NDArray remote = samples();
        try (RemoteTape tape = RemoteTape.open(manager)) {
            tape.backward(loss(mixture.forward(tape, remote)));
        }

        assertClose(remote.getGradient(), expected[0], "samples");
        assertClose(mixture.parameters().get(0).getGradient(), expected[1], "gate weight");
        assertClose(mixture.parameters().get(1).getGradient(), expected[2], "gate bias");
    }

    @Test
    void forward_callsEachDistinctExpertOnce() {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            NDArray output = mixture.forward(tape, samples());
            long distinct = mixture.statistics().rowsByExpert().size();

            assertThat(mixture.statistics().calls()).isEqualTo(distinct).isLessThanOrEqualTo(GRID);
            assertThat(rowsAnswered(mixture)).isEqualTo((long) ROWS * K_BEST);

            tape.backward(output.sum());
            assertThat(mixture.statistics().calls()).isEqualTo(2 * distinct);
        }
    }

    private static long rowsAnswered(RemoteMixtureOfExperts mixture) {
        return mixture.statistics().rowsByExpert().values().stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    @Test
    void forward_afterAServerDied_masksItsExpertsThenAvoidsThem() {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            mixture.forward(tape, samples());
            swarm.kill(1);

            NDArray first = mixture.forward(tape, samples());

            long failed = mixture.statistics().failedCalls();
            assertThat(failed).isPositive();
            assertThat(first.toFloatArray()).doesNotContain(Float.NaN);
            NDArray second = mixture.forward(tape, samples());

            assertThat(mixture.statistics().failedCalls()).isEqualTo(failed);
            assertClose(second, locally(samples(), Set.of(0, 1, 2)).toFloatArray(), "output of the survivors");
        }
    }

    @Test
    void forward_ofARowThatLostAllItsExperts_givesZeros() {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            RemoteMixtureOfExperts single = mixture(1);
            single.forward(tape, samples());
            long before = rowsAnswered(single);
            swarm.kill(1);

            float[] output = single.forward(tape, samples()).toFloatArray();

            long zeroRows = IntStream.range(0, ROWS)
                    .filter(row -> IntStream.range(0, WIDTH).allMatch(i -> output[row * WIDTH + i] == 0))
                    .count();
            assertThat(zeroRows)
                    .isEqualTo(ROWS - (rowsAnswered(single) - before))
                    .isPositive();
        }
    }

    @Test
    void backward_withAServerThatDiedAfterForward_usesTheSurvivors() {
        NDArray samples = samples();
        try (RemoteTape tape = RemoteTape.open(manager)) {
            NDArray output = mixture.forward(tape, samples);
            swarm.kill(1);

            tape.backward(loss(output));
        }

        assertThat(mixture.statistics().failedCalls()).isPositive();
        assertThat(samples.getGradient().toFloatArray()).doesNotContain(Float.NaN);
    }

    @Test
    void forward_withNobodyLeft_isUnavailableButKeepsTrying() {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            mixture.forward(tape, samples());
            swarm.kill(0);
            swarm.kill(1);

            assertThatThrownBy(() -> mixture.forward(tape, samples()))
                    .isInstanceOf(PeerUnavailableException.class)
                    .hasMessageContaining("answered");
            assertThatThrownBy(() -> mixture.forward(tape, samples()))
                    .isInstanceOf(PeerUnavailableException.class)
                    .hasMessageContaining("answered");
        }
    }

    @Test
    void forward_belowAPrefixThatNobodyDeclared_saysSo() {
        var lost = RemoteMixtureOfExperts.builder(swarm.client(), manager)
                .grid("nobody.[0:6]")
                .inFeatures(WIDTH)
                .kBest(1)
                .build();
        try (RemoteTape tape = RemoteTape.open(manager)) {
            assertThatThrownBy(() -> lost.forward(tape, samples()))
                    .isInstanceOf(PeerUnavailableException.class)
                    .hasMessageContaining("nobody.");
        }
    }

    @Test
    void forward_ofSamplesOfAnotherWidth_isRefused() {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            assertThatThrownBy(() -> mixture.forward(tape, manager.ones(new Shape(2, WIDTH + 1))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("9");
        }
    }

    @Test
    void forward_ofNoSamples_isRefused() {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            assertThatThrownBy(() -> mixture.forward(tape, manager.zeros(new Shape(0, WIDTH))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("at least one row");
        }
    }

    @Test
    void steps_withSamplesThatOutliveTheTape_leaveNoArrayBehind() {
        NDArray samples = samples();
        int before = 0;
        for (int step = 0; step < 20; step++) {
            try (RemoteTape tape = RemoteTape.open(manager)) {
                tape.backward(mixture.forward(tape, samples).sum());
            }
            before = step == 0 ? manager.getManagedArrays().size() : before;
        }

        assertThat(manager.getManagedArrays()).hasSize(before);
    }

    @Test
    void build_withMoreExpertsThanTheGridHas_saysWhatToChange() {
        assertThatThrownBy(() -> mixture(GRID + 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("grid size 6, not 7");
    }

    @Test
    void layer_inAPipeline_givesTheGradientsOfABlockingTape() {
        NDArray blocking = samples();
        try (RemoteTape tape = RemoteTape.open(manager)) {
            tape.backward(loss(mixture.forward(tape, blocking)));
        }
        float[] gate = mixture.parameters().get(0).getGradient().toFloatArray();
        mixture.parameters().forEach(TensorOps::zeroGradient);
        NDArray reactive = samples();
        Layer model = mixture.asLayer().then(Layer.local(outputs -> new NDList(loss(outputs.singletonOrThrow()))));

        ReactiveTape.step(
                        swarm.client(),
                        tape -> model.forward(tape, new NDList(reactive)).flatMap(loss -> tape.backward(loss.head())))
                .block(Swarm.TIMEOUT);

        assertClose(reactive.getGradient(), blocking.getGradient().toFloatArray(), "samples");
        assertClose(mixture.parameters().get(0).getGradient(), gate, "gate weight");
    }

    @Test
    void layer_cancelledAtAnyMoment_leavesNothingBehind() {
        NDArray samples = samples();
        Layer model = mixture.asLayer().then(Layer.local(outputs -> new NDList(loss(outputs.singletonOrThrow()))));
        Mono<Void> step = ReactiveTape.step(
                swarm.client(),
                tape -> model.forward(tape, new NDList(samples)).flatMap(loss -> tape.backward(loss.head())));
        step.block(Swarm.TIMEOUT);
        for (int round = 0; round < 100; round++) {
            step.timeout(Duration.ofNanos(1 + 100_000L * round), Mono.empty()).block(Swarm.TIMEOUT);
        }

        step.as(StepVerifier::create).expectComplete().verify(Swarm.TIMEOUT);
    }
}
