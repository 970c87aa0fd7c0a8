package dev.hivemind.moe.training;

import static dev.hivemind.moe.training.TrainingFixture.ADAM;
import static dev.hivemind.moe.training.TrainingFixture.TIMEOUT;
import static dev.hivemind.moe.training.TrainingFixture.batches;
import static dev.hivemind.moe.training.TrainingFixture.losses;
import static dev.hivemind.moe.training.TrainingFixture.weights;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.test.StepVerifier;

/** Trainings that go on from a state. */
class RestoredTrainingTest {

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private TrainingPipeline pipeline(TrainingPipeline.Builder builder) {
        return fixture.built(builder);
    }

    private TrainingPipeline.Builder classifier() {
        return fixture.classifier(1).optimizer(ADAM);
    }

    @Test
    void restore_ofACapturedState_continuesExactly() {
        List<Double> whole = losses(pipeline(fixture.noisy().seed(3)), batches(0, 30));
        TrainingPipeline first = pipeline(fixture.noisy().seed(3));
        losses(first, batches(0, 12));
        TrainerState state = first.capture().block(TIMEOUT);

        TrainingPipeline second = pipeline(fixture.noisy().seed(3));
        second.restore(state).block(TIMEOUT);

        assertThat(state.step()).isEqualTo(12);
        assertThat(state.nextBatch()).isEqualTo(12);
        assertThat(losses(second, batches((int) state.nextBatch(), 18))).isEqualTo(whole.subList(12, 30));
    }

    @Test
    void restore_ofAnotherModelsState_changesNothing() {
        TrainingPipeline small = pipeline(classifier());
        TrainingPipeline other = pipeline(fixture.noisy());
        Map<String, List<Float>> before = weights(small);
        TrainerState state = other.capture().block(TIMEOUT);
        var wrong = new TrainerState(
                1, 1, 0, state.parameters(), Map.of("encoder.weight/mean", HostTensor.of(new float[1], 1)));

        StepVerifier.create(small.restore(wrong))
                .expectError(IllegalArgumentException.class)
                .verify(TIMEOUT);
        assertThat(weights(small)).isEqualTo(before);
    }

    @Test
    void restore_withAnotherSeed_isRefused() {
        TrainerState state = pipeline(classifier().seed(1)).capture().block(TIMEOUT);

        StepVerifier.create(pipeline(classifier().seed(2)).restore(state))
                .expectErrorMessage("The state is of a training with seed 1, but this pipeline has 2")
                .verify(TIMEOUT);
    }
}
