package dev.hivemind.moe.training;

import static dev.hivemind.moe.training.TrainingFixture.ADAM;
import static dev.hivemind.moe.training.TrainingFixture.TIMEOUT;
import static dev.hivemind.moe.training.TrainingFixture.batch;
import static dev.hivemind.moe.training.TrainingFixture.batches;
import static dev.hivemind.moe.training.TrainingFixture.losses;
import static dev.hivemind.moe.training.TrainingFixture.weights;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.training.ParameterStore;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.TrainableLayer;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.optimizer.TrainingConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** Training of local segments, against plain loops. */
class LocalTrainingTest {

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private TrainingPipeline pipeline(TrainingPipeline.Builder builder) {
        return fixture.built(builder);
    }

    private TrainingPipeline.Builder classifier() {
        return fixture.classifier(1).optimizer(ADAM);
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
        List<Double> first = losses(pipeline(fixture.noisy().seed(7)), batches(0, 20));
        List<Double> again = losses(pipeline(fixture.noisy().seed(7)), batches(0, 20));
        List<Double> other = losses(pipeline(fixture.noisy().seed(8)), batches(0, 20));

        assertThat(again).isEqualTo(first).isNotEqualTo(other);
    }

    @Test
    void train_withDropoutAndSeveralBatchesAtOnce_drawsWhatOneAtATimeDraws() {
        List<Double> one = losses(pipeline(fixture.noisy().seed(7).accumulate(4)), batches(0, 40));
        List<Double> several = losses(
                pipeline(fixture.noisy().seed(7).accumulate(4).concurrency(4).maxStaleness(0)), batches(0, 40));

        assertThat(several).isEqualTo(one);
    }

    @Test
    void train_accumulated_makesTheStepsOfLargerBatches() {
        Flux<Batch> parts = Flux.range(0, 12).map(index -> batch(index, index % 3 == 2 ? 4 : 8));
        Flux<Batch> whole = parts.buffer(3).map(TrainingFixture::joined);
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
    void train_severalBatchesAtOnce_stepsInTheirOrderAndWithinTheBound() {
        TrainingPipeline pipeline = pipeline(classifier().concurrency(4).metric(Metric.accuracy()));

        List<StepReport> reports = pipeline.train(batches(0, 200)).collectList().block(TIMEOUT);

        assertThat(reports).extracting(StepReport::batch).isSorted().hasSize(200);
        assertThat(reports).extracting(StepReport::staleness).allMatch(staleness -> staleness <= 3);
        assertThat(reports.get(199).loss()).isLessThan(0.6 * reports.get(0).loss());
        assertThat(reports.get(199).totals().rows()).isEqualTo(200 * TrainingFixture.ROWS);
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

    private TrainingPipeline.Builder normalized() {
        Block norm = BatchNorm.builder().build();
        norm.initialize(fixture.manager(), DataType.FLOAT32, new Shape(TrainingFixture.ROWS, TrainingFixture.WIDTH));
        return TrainingPipeline.builder(fixture.client())
                .local("norm", norm)
                .local("decoder", fixture.linear(TrainingFixture.WIDTH, TrainingFixture.CLASSES, 1))
                .loss(Loss.crossEntropy())
                .optimizer(ADAM);
    }

    @Test
    void train_withBatchNormalization_followsTheAveragesOfABlockOfDjl() {
        TrainingPipeline pipeline = pipeline(normalized());

        losses(pipeline, batches(0, 10));

        List<Float> expected = meansOfAPlainBlock(10);
        List<Float> actual = weights(pipeline).get("norm.runningMean");
        for (int i = 0; i < expected.size(); i++) {
            assertThat(actual.get(i)).isCloseTo(expected.get(i), within(1e-5f));
        }
    }

    private List<Float> meansOfAPlainBlock(int count) {
        Block norm = BatchNorm.builder().build();
        norm.initialize(fixture.manager(), DataType.FLOAT32, new Shape(TrainingFixture.ROWS, TrainingFixture.WIDTH));
        var store = new ParameterStore(fixture.manager(), false);
        for (Batch batch : batches(0, count).toIterable()) {
            norm.forward(store, new NDList(batch.inputs().get(0).on(fixture.manager())), true);
        }
        List<Float> means = new ArrayList<>();
        for (float mean : norm.getParameters().get("runningMean").getArray().toFloatArray()) {
            means.add(mean);
        }
        return means;
    }

    @Test
    void train_withBatchNormalization_leavesItsAveragesAloneForWhatMakesNoStep() {
        TrainingPipeline pipeline = pipeline(normalized());
        losses(pipeline, batches(0, 5));
        List<Float> before = weights(pipeline).get("norm.runningMean");
        Flux<Batch> poisoned = batches(5, 1)
                .map(batch -> new Batch(
                        batch.index(),
                        0,
                        List.of(HostTensor.of(nothing(), TrainingFixture.ROWS, TrainingFixture.WIDTH)),
                        batch.targets()));

        StepVerifier.create(pipeline.train(poisoned))
                .expectError(DivergedException.class)
                .verify(TrainingFixture.TIMEOUT);
        pipeline.evaluate(batches(0, 3)).block(TrainingFixture.TIMEOUT);

        assertThat(weights(pipeline).get("norm.runningMean")).isEqualTo(before);
    }

    private static float[] nothing() {
        float[] values = new float[TrainingFixture.ROWS * TrainingFixture.WIDTH];
        Arrays.fill(values, Float.NaN);
        return values;
    }
}
