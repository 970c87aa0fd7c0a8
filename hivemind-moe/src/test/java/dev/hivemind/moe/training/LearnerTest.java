package dev.hivemind.moe.training;

import static dev.hivemind.moe.training.TrainingFixture.batch;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.optimizer.TrainingConfig;
import dev.hivemind.moe.training.LocalStep.Share;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class LearnerTest {

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private Learner learner() {
        var layer = new BlockLayer("encoder", fixture.linear(3, 2, 1));
        return new Learner(
                new Model(List.of(Segment.of("encoder", layer))), TrainingConfig.of(OptimizerConfig.sgd(0.5)), 1);
    }

    private Share share(Learner learner, int run) {
        Weights weights = learner.read(fixture.manager(), new Weights.Mode(true, true));
        return new Share(batch(0, 2), run, weights, 1, OptionalDouble.empty());
    }

    @Test
    void accept_ofARunBefore_isRefused() {
        try (Learner learner = learner()) {
            int old = learner.begin();
            Share late = share(learner, old);
            learner.begin();

            assertThatThrownBy(() -> learner.accept(fixture.manager(), late))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("The training is over");
            assertThat(learner.step()).isZero();
        }
    }

    @Test
    void accept_afterARestore_isRefused() {
        try (Learner learner = learner()) {
            Share late = share(learner, learner.begin());
            learner.restore(learner.capture(0));

            assertThatThrownBy(() -> learner.accept(fixture.manager(), late)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void finish_ofARunBefore_isRefused() {
        try (Learner learner = learner()) {
            int old = learner.begin();
            learner.begin();

            assertThatThrownBy(() -> learner.finish(old)).isInstanceOf(IllegalStateException.class);
        }
    }
}
