package dev.hivemind.moe.training;

import static dev.hivemind.moe.training.TrainingFixture.TIMEOUT;
import static dev.hivemind.moe.training.TrainingFixture.batch;
import static dev.hivemind.moe.training.TrainingFixture.batches;
import static dev.hivemind.moe.training.TrainingFixture.losses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Block;
import ai.djl.nn.norm.Dropout;
import dev.hivemind.moe.client.Layer;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.TrainableLayer;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.optimizer.TrainingConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** Training of local segments, against plain loops. */
class LocalTrainingTest {

    private static final OptimizerConfig ADAM = OptimizerConfig.adam(0.05);

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private TrainingPipeline pipeline(TrainingPipeline.Builder builder) {
        return fixture.built(builder);
    }

    private TrainingPipeline.Builder classifier() {
        return fixture.classifier(1).optimizer(ADAM);
    }

    private static Map<String, List<Float>> weights(TrainingPipeline pipeline) {
        return pipeline.capture().block(TIMEOUT).parameters().entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, entry -> list(entry.getValue().floats())));
    }

    private static List<Float> list(float[] values) {
        Float[] boxed = new Float[values.length];
        for (int i = 0; i < values.length; i++) {
            boxed[i] = values[i];
        }
        return List.of(boxed);
    }

    @Test
    void train_oneBatchAtATime_hasTheVeryLossesOfAPlainLoop() {
        List<Double> expected = fixture.plainLoop(
                1, TrainingConfig.of(ADAM), batches(0, 40).collectList().block(TIMEOUT));

        assertThat(losses(pipeline(classifier()), batches(0, 40))).isEqualTo(expected);
        assertThat(expected.get(39)).isLessThan(expected.get(0));
    }

    @Test
    void train_withASchedule_hasTheVeryLossesOfAPlainLoop() {
        var schedule = new LearningRateSchedule.Linear(5, 20);
        List<Double> expected = fixture.plainLoop(
                1,
                TrainingConfig.of(ADAM).withSchedule(schedule),
                batches(0, 20).collectList().block(TIMEOUT));

        List<StepReport> reports = pipeline(classifier().schedule(schedule))
                .train(batches(0, 20))
                .collectList()
                .block(TIMEOUT);

        assertThat(reports).extracting(StepReport::loss).isEqualTo(expected);
        assertThat(reports.get(5).learningRate()).isEqualTo(0.05);
        assertThat(reports.get(1).learningRate()).isCloseTo(0.01, within(1e-9));
    }

    @Test
    void train_withDropoutAndASeed_givesTheSameLossesAgain() {
        List<Double> first = losses(pipeline(noisy().seed(7)), batches(0, 20));
        List<Double> again = losses(pipeline(noisy().seed(7)), batches(0, 20));
        List<Double> other = losses(pipeline(noisy().seed(8)), batches(0, 20));

        assertThat(again).isEqualTo(first).isNotEqualTo(other);
    }

    private TrainingPipeline.Builder noisy() {
        return TrainingPipeline.builder(fixture.client())
                .local("encoder", fixture.linear(TrainingFixture.WIDTH, 5, 1))
                .local("dropout", Dropout.builder().optRate(0.5f).build())
                .local("decoder", fixture.linear(5, TrainingFixture.CLASSES, 2))
                .loss(Loss.crossEntropy())
                .optimizer(ADAM);
    }

    @Test
    void train_accumulated_makesTheStepsOfLargerBatches() {
        Flux<Batch> parts = Flux.range(0, 12).map(index -> batch(index, index % 3 == 2 ? 4 : 8));
        Flux<Batch> whole = parts.buffer(3).map(LocalTrainingTest::joined);
        TrainingPipeline accumulating = pipeline(
                fixture.classifier(1).optimizer(OptimizerConfig.sgd(0.5)).accumulate(3));
        TrainingPipeline plain = pipeline(fixture.classifier(1).optimizer(OptimizerConfig.sgd(0.5)));

        List<Double> expected = losses(plain, whole);
        List<Double> actual = losses(accumulating, parts);

        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            assertThat(actual.get(i)).isCloseTo(expected.get(i), within(1e-5));
        }
        assertSimilar(weights(accumulating), weights(plain));
    }

    private static Batch joined(List<Batch> parts) {
        int rows = parts.stream().mapToInt(Batch::rows).sum();
        float[] inputs = new float[rows * TrainingFixture.WIDTH];
        long[] labels = new long[rows];
        int row = 0;
        for (Batch part : parts) {
            float[] values = part.inputs().get(0).floats();
            System.arraycopy(values, 0, inputs, row * TrainingFixture.WIDTH, values.length);
            System.arraycopy(part.targets().get(0).longs(), 0, labels, row, part.rows());
            row += part.rows();
        }
        return new Batch(
                parts.get(0).index(),
                0,
                List.of(HostTensor.of(inputs, rows, TrainingFixture.WIDTH)),
                List.of(HostTensor.of(labels, rows)));
    }

    private static void assertSimilar(Map<String, List<Float>> actual, Map<String, List<Float>> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, values) -> {
            for (int i = 0; i < values.size(); i++) {
                assertThat(actual.get(name).get(i)).as(name).isCloseTo(values.get(i), within(1e-5f));
            }
        });
    }

    @Test
    void train_whoseDataEndsWithinAStep_makesAStepOfWhatIsLeft() {
        pipeline(classifier().accumulate(4))
                .train(batches(0, 6))
                .map(report -> List.of(report.step(), report.rows(), (int) report.batch()))
                .as(StepVerifier::create)
                .expectNext(List.of(1, 32, 3))
                .expectNext(List.of(2, 16, 5))
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void train_withABoundOnTheNorm_stepsNoFurther() {
        TrainingPipeline bounded =
                pipeline(fixture.classifier(1).optimizer(OptimizerConfig.sgd(1)).maxGradientNorm(0.01));
        Map<String, List<Float>> before = weights(bounded);

        StepReport report = bounded.train(batches(0, 1)).blockLast(TIMEOUT);

        assertThat(report.gradientNorm()).isGreaterThan(0.01);
        assertThat(distance(before, weights(bounded))).isCloseTo(0.01, within(1e-4));
    }

    private static double distance(Map<String, List<Float>> one, Map<String, List<Float>> other) {
        double sum = 0;
        for (String name : one.keySet()) {
            for (int i = 0; i < one.get(name).size(); i++) {
                sum += Math.pow(one.get(name).get(i) - other.get(name).get(i), 2);
            }
        }
        return Math.sqrt(sum);
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
    void train_severalBatchesAtOnce_stepsInTheirOrderAndWithinTheBound() {
        TrainingPipeline pipeline = pipeline(classifier().concurrency(4).metric(Metric.accuracy()));

        List<StepReport> reports = pipeline.train(batches(0, 200)).collectList().block(TIMEOUT);

        assertThat(reports).extracting(StepReport::batch).isSorted().hasSize(200);
        assertThat(reports).extracting(StepReport::staleness).allMatch(staleness -> staleness <= 3);
        assertThat(reports.get(199).loss()).isLessThan(0.6 * reports.get(0).loss());
        assertThat(reports.get(199).totals().rows()).isEqualTo(200 * TrainingFixture.ROWS);
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
    void restore_ofACapturedState_continuesExactly() {
        List<Double> whole = losses(pipeline(noisy().seed(3)), batches(0, 30));
        TrainingPipeline first = pipeline(noisy().seed(3));
        losses(first, batches(0, 12));
        TrainerState state = first.capture().block(TIMEOUT);

        TrainingPipeline second = pipeline(noisy().seed(3));
        second.restore(state).block(TIMEOUT);

        assertThat(state.step()).isEqualTo(12);
        assertThat(state.nextBatch()).isEqualTo(12);
        assertThat(losses(second, batches((int) state.nextBatch(), 18))).isEqualTo(whole.subList(12, 30));
    }

    @Test
    void restore_ofAnotherModelsState_changesNothing() {
        TrainingPipeline small = pipeline(classifier());
        TrainingPipeline other = pipeline(noisy());
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
    void evaluate_ofSeveralBatches_averagesOverTheirRowsAndLearnsNothing() {
        TrainingPipeline pipeline =
                pipeline(classifier().metric(Metric.accuracy()).concurrency(3));
        losses(pipeline, batches(0, 20));
        Map<String, List<Float>> before = weights(pipeline);

        Evaluation whole = pipeline.evaluate(Flux.just(joined(List.of(batch(90, 8), batch(91, 4)))))
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
        TrainingPipeline pipeline = pipeline(noisy());

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
    void train_withWeightsThatTwoSegmentsShare_learnsFromBothUses() {
        Block shared = fixture.linear(TrainingFixture.WIDTH, TrainingFixture.WIDTH, 1);
        Block own = fixture.linear(TrainingFixture.WIDTH, TrainingFixture.WIDTH, 1);
        TrainingPipeline tied = pipeline(squared().local("first", shared).local("second", shared));
        TrainingPipeline twice = pipeline(squared().layer("both", new Twice(new BlockLayer("both", own))));

        assertThat(losses(tied, batches(0, 10))).isEqualTo(losses(twice, batches(0, 10)));
        assertThat(tied.parameters()).containsOnlyKeys("first.weight", "first.bias");
    }

    private TrainingPipeline.Builder squared() {
        return TrainingPipeline.builder(fixture.client())
                .loss(Loss.crossEntropy())
                .optimizer(ADAM);
    }

    /** A layer that a batch goes through two times. */
    private record Twice(BlockLayer layer) implements TrainableLayer {

        @Override
        public Map<String, NDArray> parameters() {
            return layer.parameters();
        }

        @Override
        public Mono<NDList> forward(ReactiveTape tape, NDList inputs, Map<String, NDArray> parameters) {
            return layer.forward(tape, inputs, parameters).flatMap(between -> layer.forward(tape, between, parameters));
        }
    }

    @Test
    void train_withDropoutAndSeveralBatchesAtOnce_drawsWhatOneAtATimeDraws() {
        List<Double> one = losses(pipeline(noisy().seed(7).accumulate(4)), batches(0, 40));
        List<Double> several =
                losses(pipeline(noisy().seed(7).accumulate(4).concurrency(4).maxStaleness(0)), batches(0, 40));

        assertThat(several).isEqualTo(one);
    }
}
