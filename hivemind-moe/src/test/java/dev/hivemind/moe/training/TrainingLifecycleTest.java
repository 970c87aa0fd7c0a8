package dev.hivemind.moe.training;

import static dev.hivemind.moe.training.TrainingFixture.ADAM;
import static dev.hivemind.moe.training.TrainingFixture.TIMEOUT;
import static dev.hivemind.moe.training.TrainingFixture.batches;
import static dev.hivemind.moe.training.TrainingFixture.losses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.moe.tensor.TensorOps;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** How trainings begin and end, one after the other. */
class TrainingLifecycleTest {

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private TrainingPipeline pipeline(TrainingPipeline.Builder builder) {
        return fixture.built(builder);
    }

    private TrainingPipeline.Builder classifier() {
        return fixture.classifier(1).optimizer(ADAM);
    }

    @Test
    void train_whenReportsAreNotRequested_asksForNoBatch() {
        var asked = new AtomicInteger();
        Flux<Batch> source = batches(0, 100).doOnRequest(n -> asked.addAndGet((int) n));

        StepVerifier.create(pipeline(classifier().concurrency(8)).train(source), 0)
                .expectSubscription()
                .then(() -> assertThat(asked).hasValue(0))
                .thenRequest(3)
                .expectNextCount(3)
                .then(() -> assertThat(asked).hasValue(3))
                .thenCancel()
                .verify(TIMEOUT);
    }

    @Test
    void train_aSecondTime_goesOnWhereTheFirstEnded() {
        TrainingPipeline pipeline = pipeline(classifier());
        List<Double> whole = losses(pipeline(classifier()), batches(0, 10));

        List<Double> first = losses(pipeline, batches(0, 4));
        List<Double> second = losses(pipeline, batches(4, 6));

        assertThat(first).isEqualTo(whole.subList(0, 4));
        assertThat(second).isEqualTo(whole.subList(4, 10));
    }

    @Test
    void train_whileAnotherTrainingIsUnderWay_isRefused() {
        TrainingPipeline pipeline = pipeline(classifier());

        StepVerifier.create(pipeline.train(Flux.never()))
                .expectSubscription()
                .then(() -> pipeline.train(batches(0, 1))
                        .as(StepVerifier::create)
                        .expectError(IllegalStateException.class)
                        .verify(TIMEOUT))
                .thenCancel()
                .verify(TIMEOUT);
        assertThat(losses(pipeline, batches(0, 1))).hasSize(1);
    }

    @Test
    void train_whoseSourceFails_failsAfterTheReportsOfWhatCameBefore() {
        pipeline(classifier().concurrency(2))
                .train(batches(0, 3).concatWith(Flux.error(new IllegalStateException("the disk"))))
                .as(StepVerifier::create)
                .expectNextCount(3)
                .expectErrorMessage("the disk")
                .verify(TIMEOUT);
    }

    @Test
    void train_throughALayerThatGivesNothing_fails() {
        TrainingPipeline pipeline = pipeline(TrainingPipeline.builder(fixture.client())
                .layer("hole", (tape, inputs) -> Mono.empty())
                .loss(Loss.crossEntropy()));

        StepVerifier.create(pipeline.train(batches(0, 3)))
                .expectErrorMessage("segment 'hole' gave nothing")
                .verify(TIMEOUT);
    }

    @Test
    void close_ofAPipeline_leavesNoManagerOpen() {
        int before = TensorOps.openManagers();
        TrainingPipeline pipeline = classifier().concurrency(3).build();
        losses(pipeline, batches(0, 10));

        pipeline.close();
        pipeline.close();

        assertThat(TensorOps.openManagers()).isEqualTo(before);
        StepVerifier.create(pipeline.train(batches(0, 1)))
                .expectErrorMessage("The pipeline is closed")
                .verify(TIMEOUT);
    }

    @Test
    void build_withoutALossOrSegments_saysWhatIsMissing() {
        assertThatThrownBy(() -> TrainingPipeline.builder(fixture.client()).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("A loss is required");
        assertThatThrownBy(() -> TrainingPipeline.builder(fixture.client())
                        .loss(Loss.crossEntropy())
                        .build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("A model has at least one segment");
    }

    @Test
    void local_ofANameThatIsTaken_isRefused() {
        assertThatThrownBy(() -> classifier().local("encoder", fixture.linear(3, 3, 1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("There is a segment 'encoder' already");
    }
}
