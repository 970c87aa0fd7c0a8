package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.expert.DelayedNopExpert;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.expert.NopExpert;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.RandomArrays;
import dev.hivemind.moe.tensor.TensorOps;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Switches whose experts are all too slow, and switches that learn to use their whole grid. */
@Timeout(value = Runs.MAX_MINUTES, unit = TimeUnit.MINUTES)
class SwitchRunsTest {

    private static final int WIDTH = 8;
    private static final int ROWS = 64;
    private static final int GRID = 4;
    private static final int STEPS = 3;

    /** On a machine that is very slow, even the search takes too long at first. */
    private static final int MOST_STEPS = 200;

    private static final int BALANCING_STEPS = 200;
    private static final double LEARNING_RATE = 0.3;
    private static final float EVEN = 1f / GRID;
    private static final Duration DELAY = Duration.ofSeconds(5);
    private static final Duration TIMEOUT = Duration.ofMillis(100);

    @RegisterExtension
    final MixtureFixture fixture = new MixtureFixture();

    private final Swarm swarm = fixture.swarm;

    private void slow() {
        for (int expert = 0; expert < 2; expert++) {
            var options = new ExpertOptions(WIDTH, 0).with(DelayedNopExpert.DELAY, DELAY);
            swarm.hostOne("slow." + expert, new DelayedNopExpert().create(options), OptimizerConfig.frozen());
        }
        var mixture = fixture.switching("slow.[0:2]", WIDTH)
                .policy(MixturePolicy.LENIENT.withTimeouts(TIMEOUT, TIMEOUT))
                .build();

        for (int step = 0; step < STEPS || (!isAnyCalled(mixture) && step < MOST_STEPS); step++) {
            NDArray samples = RandomArrays.leaf(fixture.manager(), step, ROWS, WIDTH);
            try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
                var output = mixture.forward(tape, samples, true);
                assertThat(output.output().toFloatArray()).isEqualTo(samples.toFloatArray());
                tape.backward(output.output().sum().add(output.balancingLoss()));
            }
            assertThat(samples.getGradient().toFloatArray()).doesNotContain(Float.NaN);
        }
        assertThat(isAnyCalled(mixture)).isTrue();
    }

    /** None of the slow ones answers. */
    private static boolean isAnyCalled(RemoteSwitchMixtureOfExperts mixture) {
        return mixture.statistics().failedCalls() > 0;
    }

    /** The loss is that of balancing alone; the gate begins with a favourite. */
    private void balancing() {
        for (int expert = 0; expert < GRID; expert++) {
            swarm.hostOne(
                    "nop." + expert, new NopExpert().create(new ExpertOptions(WIDTH, 0)), OptimizerConfig.frozen());
        }
        var mixture =
                fixture.switching("nop.[0:4]", WIDTH).utilizationAlpha(0.5).build();
        mixture.parameters().get(1).set(new float[] {3, 0, 0, 0});

        assertThat(balancingStep(mixture, 0)).isPositive();
        assertThat(mixture.utilization(0)[0]).isGreaterThan(2 * EVEN);
        for (int step = 1; step < BALANCING_STEPS; step++) {
            balancingStep(mixture, step);
        }

        for (float share : mixture.utilization(0)) {
            assertThat(share).isBetween(EVEN / 2, EVEN * 2);
        }
        assertThat(mixture.statistics().rowsByExpert()).hasSize(GRID);
    }

    /** How large the gradient of the gate's bias was. */
    private float balancingStep(RemoteSwitchMixtureOfExperts mixture, int seed) {
        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            NDArray samples = RandomArrays.leaf(tape.manager(), seed, ROWS, WIDTH);
            tape.backward(mixture.forward(tape, samples, true).balancingLoss());
        }
        float size = mixture.parameters().get(1).getGradient().abs().sum().getFloat();
        mixture.parameters().forEach(SwitchRunsTest::descend);
        return size;
    }

    private static void descend(NDArray parameter) {
        TensorOps.withGradMode(false, () -> {
            try (NDArray gradient = parameter.getGradient()) {
                TensorOps.sgdUpdate(parameter, gradient, LEARNING_RATE);
            }
            return true;
        });
        TensorOps.zeroGradient(parameter);
    }

    @RepeatedTest(Runs.FEW)
    void switch_whoseExpertsAreTooSlow_passesSamplesOn() {
        slow();
    }

    @RepeatedTest(Runs.FEW)
    void switch_withAFavouriteThatIsBalanced_usesItsWholeGrid() {
        balancing();
    }

    @Tag("soak")
    @RepeatedTest(Runs.MANY)
    void switch_whoseExpertsAreTooSlow_neverHangs() {
        slow();
    }

    @Tag("soak")
    @RepeatedTest(Runs.MANY)
    void switch_withAFavouriteThatIsBalanced_neverHangs() {
        balancing();
    }
}
