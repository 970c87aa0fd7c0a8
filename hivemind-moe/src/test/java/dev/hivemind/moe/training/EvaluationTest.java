package dev.hivemind.moe.training;

import static dev.hivemind.moe.training.TrainingFixture.ADAM;
import static dev.hivemind.moe.training.TrainingFixture.TIMEOUT;
import static dev.hivemind.moe.training.TrainingFixture.batch;
import static dev.hivemind.moe.training.TrainingFixture.batches;
import static dev.hivemind.moe.training.TrainingFixture.losses;
import static dev.hivemind.moe.training.TrainingFixture.weights;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.hivemind.moe.optimizer.OptimizerConfig;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

/** Going forward without learning. */
class EvaluationTest {

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private TrainingPipeline pipeline(TrainingPipeline.Builder builder) {
        return fixture.built(builder);
    }

    private TrainingPipeline.Builder classifier() {
        return fixture.classifier(1).optimizer(ADAM);
    }

    @Test
    void evaluate_ofSeveralBatches_averagesOverTheirRowsAndLearnsNothing() {
        TrainingPipeline pipeline =
                pipeline(classifier().metric(Metric.accuracy()).concurrency(3));
        losses(pipeline, batches(0, 20));
        Map<String, List<Float>> before = weights(pipeline);

        Evaluation whole = pipeline.evaluate(Flux.just(TrainingFixture.joined(List.of(batch(90, 8), batch(91, 4)))))
                .block(TIMEOUT);
        Evaluation parts =
                pipeline.evaluate(Flux.just(batch(90, 8), batch(91, 4))).block(TIMEOUT);

        assertThat(parts.rows()).isEqualTo(12);
        assertThat(parts.loss()).isCloseTo(whole.loss(), within(1e-5));
        assertThat(parts.accuracy().getAsDouble()).isCloseTo(whole.accuracy().getAsDouble(), within(1e-9));
        assertThat(weights(pipeline)).isEqualTo(before);
    }

    @Test
    void evaluate_withDropout_hasNoNoise() {
        TrainingPipeline pipeline = pipeline(fixture.noisy());

        double first = pipeline.evaluate(batches(0, 3)).block(TIMEOUT).loss();

        assertThat(pipeline.evaluate(batches(0, 3)).block(TIMEOUT).loss()).isEqualTo(first);
    }

    @Test
    void evaluate_ofNothing_hasNoLoss() {
        Evaluation nothing = pipeline(classifier()).evaluate(Flux.empty()).block(TIMEOUT);

        assertThat(nothing.rows()).isZero();
        assertThat(nothing.loss()).isNaN();
    }

    @Test
    void takeUntil_lossesThatDoNotImprove_stopsTraining() {
        TrainingPipeline pipeline = pipeline(fixture.classifier(1).optimizer(OptimizerConfig.frozen()));

        Flux.range(0, 100)
                .concatMap(epoch -> pipeline.train(batches(epoch, 1)).then(pipeline.evaluate(batches(200, 1))), 0)
                .takeUntil(EarlyStopping.after(2))
                .as(StepVerifier::create)
                .expectNextCount(3)
                .expectComplete()
                .verify(TIMEOUT);
    }
}
