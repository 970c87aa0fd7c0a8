package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Models that learn to tell two kinds of pictures apart, through experts that learn. */
@Timeout(value = Runs.MAX_MINUTES, unit = TimeUnit.MINUTES)
class MixtureTrainingTest {

    private static final int ROWS = 32;
    private static final int TEST_ROWS = 200;
    private static final int STEPS = 100;
    private static final int FEW_STEPS = 10;
    private static final double GOOD = 0.9;

    @RegisterExtension
    final MixtureFixture fixture = new MixtureFixture();

    private final Swarm swarm = fixture.swarm;

    private static NDList nothing() {
        return new NDList();
    }

    private void series() {
        swarm.host(0, 1, TinyPictures.PIXELS, OptimizerConfig.sgd(0.05));
        RemoteExpert first = swarm.expert(0);
        RemoteExpert second = swarm.expert(1);
        var model = new TinyModel(
                fixture.manager(),
                1,
                (tape, pixels, training) -> new NDList(tape.forward(second, tape.forward(first, pixels))),
                nothing());

        model.train(new TinyPictures(2), ROWS, STEPS);

        assertThat(model.accuracy(new TinyPictures(3), TEST_ROWS)).isGreaterThanOrEqualTo(GOOD);
    }

    private void mixture() {
        swarm.host(0, 1, TinyPictures.PIXELS, OptimizerConfig.sgd(0.05));
        var mixture = fixture.mixture("ffn.[0:2]", TinyPictures.PIXELS).kBest(2).build();
        var model = new TinyModel(
                fixture.manager(),
                1,
                (tape, pixels, training) -> new NDList(mixture.forward(tape, pixels)),
                mixture.parameters());

        model.train(new TinyPictures(2), ROWS, STEPS);

        assertThat(model.accuracy(new TinyPictures(3), TEST_ROWS)).isGreaterThanOrEqualTo(GOOD);
    }

    private void switching() {
        int experts = 5;
        swarm.host(0, experts - 1, TinyPictures.PIXELS, OptimizerConfig.sgd(0.05));
        var mixture = fixture.switching("ffn.[0:5]", TinyPictures.PIXELS).build();
        var model = new TinyModel(
                fixture.manager(),
                1,
                (tape, pixels, training) -> {
                    var output = mixture.forward(tape, pixels, training);
                    return new NDList(output.output(), output.balancingLoss());
                },
                mixture.parameters());

        model.train(new TinyPictures(2), TEST_ROWS, FEW_STEPS);

        assertThat(model.accuracy(new TinyPictures(3), TEST_ROWS)).isGreaterThanOrEqualTo(GOOD);
        for (float share : mixture.utilization(0)) {
            assertThat(share).isGreaterThan(1f / (2 * experts));
        }
    }

    @RepeatedTest(Runs.FEW)
    void training_throughASeriesOfExperts_learnsTheClasses() {
        series();
    }

    @RepeatedTest(Runs.FEW)
    void training_throughAMixture_learnsTheClasses() {
        mixture();
    }

    @RepeatedTest(Runs.FEW)
    void training_throughASwitch_learnsTheClassesAndUsesAllExperts() {
        switching();
    }

    @Tag("soak")
    @RepeatedTest(Runs.MANY)
    void training_throughASeriesOfExperts_neverHangs() {
        series();
    }

    @Tag("soak")
    @RepeatedTest(Runs.MANY)
    void training_throughAMixture_neverHangs() {
        mixture();
    }

    @Tag("soak")
    @RepeatedTest(Runs.MANY)
    void training_throughASwitch_neverHangs() {
        switching();
    }
}
