package dev.hivemind.moe.training;

import static dev.hivemind.moe.training.TrainingFixture.ADAM;
import static dev.hivemind.moe.training.TrainingFixture.TIMEOUT;
import static dev.hivemind.moe.training.TrainingFixture.batches;
import static dev.hivemind.moe.training.TrainingFixture.losses;
import static dev.hivemind.moe.training.TrainingFixture.weights;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.hivemind.moe.client.Layer;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** Numbers that are not finite, from batches, segments and losses. */
class LocalDivergenceTest {

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private TrainingPipeline pipeline(TrainingPipeline.Builder builder) {
        return fixture.built(builder);
    }

    private TrainingPipeline.Builder classifier() {
        return fixture.classifier(1).optimizer(ADAM);
    }

    @Test
    void train_whenTheLossIsNotANumber_stopsWithTheLastGoodWeights() {
        TrainingPipeline pipeline = pipeline(classifier().concurrency(2));
        TrainingPipeline good = pipeline(classifier());
        Flux<Batch> poisoned = batches(0, 10).map(batch -> batch.index() == 5 ? withInput(batch, Float.NaN) : batch);

        StepVerifier.create(pipeline.train(poisoned))
                .expectNextCount(5)
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOfSatisfying(DivergedException.class, diverged -> {
                            assertThat(diverged.batch()).isEqualTo(5);
                            assertThat(diverged.segment()).isEmpty();
                        })
                        .hasMessageContaining("in the batch itself"))
                .verify(TIMEOUT);
        assertThat(pipeline.capture().block(TIMEOUT).step()).isEqualTo(5);
        assertThat(weights(pipeline).values())
                .allSatisfy(values -> assertThat(values).allMatch(value -> Float.isFinite(value)));
        assertThat(losses(good, batches(0, 5))).hasSize(5);
    }

    private static Batch withInput(Batch batch, float value) {
        float[] inputs = batch.inputs().get(0).floats().clone();
        inputs[0] = value;
        return new Batch(
                batch.index(),
                0,
                List.of(HostTensor.of(inputs, batch.inputs().get(0).shape())),
                batch.targets());
    }

    @Test
    void train_whenASegmentGivesNonsense_namesIt() {
        TrainingPipeline pipeline = pipeline(TrainingPipeline.builder(fixture.client())
                .local("encoder", fixture.linear(TrainingFixture.WIDTH, TrainingFixture.CLASSES, 1))
                .layer(
                        "logarithm",
                        Layer.local(inputs -> new NDList(inputs.head().log())))
                .loss(Loss.crossEntropy()));

        StepVerifier.create(pipeline.train(batches(0, 3)))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOfSatisfying(
                                DivergedException.class,
                                diverged -> assertThat(diverged.segment()).contains("logarithm"))
                        .hasMessageContaining("segment 'logarithm'"))
                .verify(TIMEOUT);
    }

    @Test
    void train_whenOnlyTheGradientIsNotANumber_stopsWithTheLastGoodWeights() {
        Loss poisoned = (outputs, targets) -> {
            NDArray zero = outputs.head().sub(outputs.head().stopGradient());
            return zero.square().sum().sqrt().add(outputs.head().getManager().create(1f));
        };
        TrainingPipeline pipeline = pipeline(TrainingPipeline.builder(fixture.client())
                .local("encoder", fixture.linear(TrainingFixture.WIDTH, TrainingFixture.CLASSES, 1))
                .loss(poisoned));
        Map<String, List<Float>> before = weights(pipeline);

        StepVerifier.create(pipeline.train(batches(0, 3)))
                .expectErrorSatisfies(error ->
                        assertThat(error).isInstanceOf(DivergedException.class).hasMessageStartingWith("The gradient"))
                .verify(TIMEOUT);
        assertThat(weights(pipeline)).isEqualTo(before);
    }

    @Test
    void train_accumulated_namesTheBatchWhoseGradientIsNotFinite() {
        var calls = new AtomicInteger();
        Loss poisonedOnce = (outputs, targets) -> {
            NDArray zero =
                    outputs.head().sub(outputs.head().stopGradient()).square().sum();
            return calls.getAndIncrement() == 1 ? zero.sqrt() : zero;
        };
        TrainingPipeline pipeline = pipeline(TrainingPipeline.builder(fixture.client())
                .local("encoder", fixture.linear(TrainingFixture.WIDTH, TrainingFixture.CLASSES, 1))
                .loss(poisonedOnce)
                .accumulate(3));

        StepVerifier.create(pipeline.train(batches(0, 3)))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOfSatisfying(
                                DivergedException.class,
                                diverged -> assertThat(diverged.batch()).isEqualTo(1)))
                .verify(TIMEOUT);
    }

    @Test
    void train_whenNobodyCanBeAskedAboutNonsense_divergesAtOnce() {
        var waits = new AtomicInteger();
        Layer nobody = (tape, inputs) -> Mono.error(new PeerUnavailableException("No expert is alive"));
        TrainingPipeline pipeline = pipeline(TrainingPipeline.builder(fixture.client())
                .layer(
                        "logarithm",
                        Layer.local(inputs -> new NDList(inputs.head().log())))
                .layer("far", nobody)
                .loss(Loss.crossEntropy())
                .onWaiting(wait -> waits.incrementAndGet()));

        StepVerifier.create(pipeline.train(batches(0, 3)))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOfSatisfying(
                                DivergedException.class,
                                diverged -> assertThat(diverged.segment()).contains("logarithm"))
                        .hasMessageStartingWith("What experts get of batch 0 is not finite."))
                .verify(TIMEOUT);
        assertThat(waits).hasValue(0);
    }
}
