package dev.hivemind.moe.training;

import static dev.hivemind.moe.training.TrainingFixture.ROWS;
import static dev.hivemind.moe.training.TrainingFixture.TIMEOUT;
import static dev.hivemind.moe.training.TrainingFixture.batches;
import static dev.hivemind.moe.training.TrainingFixture.losses;
import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.moe.client.Layer;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.GatedLayer.Gate;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Several batches under way, held up and let go by hand. */
class ConcurrentTrainingTest {

    private static final OptimizerConfig SGD = OptimizerConfig.sgd(0.5);

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private final GatedLayer gates = new GatedLayer();
    private final AtomicInteger asked = new AtomicInteger();
    private final BlockingQueue<StepReport> reports = new LinkedBlockingQueue<>();
    private final List<Throwable> errors = new CopyOnWriteArrayList<>();
    private final Disposable.Composite running = Disposables.composite();

    @AfterEach
    void stop() {
        running.dispose();
    }

    private TrainingPipeline.Builder gated() {
        return TrainingPipeline.builder(fixture.client())
                .local("encoder", fixture.linear(TrainingFixture.WIDTH, 5, 1))
                .layer("far", gates)
                .local("decoder", fixture.linear(5, TrainingFixture.CLASSES, 2))
                .loss(Loss.crossEntropy())
                .optimizer(SGD);
    }

    private TrainingPipeline started(TrainingPipeline.Builder builder, int count) {
        TrainingPipeline pipeline = fixture.built(builder);
        Flux<Batch> source = batches(0, count).doOnRequest(n -> asked.addAndGet((int) n));
        running.add(pipeline.train(source).subscribe(reports::add, errors::add));
        return pipeline;
    }

    private StepReport nextReport() {
        try {
            StepReport report = reports.poll(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
            assertThat(report).as("a report; errors: %s", errors).isNotNull();
            return report;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** What the tensor thread was to do is done. */
    private static TrainerState settled(TrainingPipeline pipeline) {
        return pipeline.capture().block(TIMEOUT);
    }

    @ParameterizedTest(name = "concurrency {0}, staleness {1}, {2} batches a step")
    @CsvSource({"1, 0, 1, 1", "4, 3, 1, 4", "4, 1, 1, 2", "4, 0, 1, 1", "8, 1, 4, 8", "8, 0, 4, 4", "3, 9, 1, 3"})
    void train_whenExpertsStall_asksForNoMoreThanItMayHaveUnderWay(
            int concurrency, int maxStaleness, int accumulate, int expected) {
        TrainingPipeline pipeline = started(
                gated().concurrency(concurrency).maxStaleness(maxStaleness).accumulate(accumulate), 100);

        gates.forward(expected);
        settled(pipeline);

        assertThat(asked).hasValue(expected);
        assertThat(gates.waiting()).isZero();
    }

    @Test
    void train_whenOneBatchGoesOn_asksForOneMore() {
        started(gated().concurrency(3), 100);
        List<Gate> first = gates.forward(3);

        first.get(0).open();
        gates.backward(1).get(0).open();

        assertThat(nextReport().batch()).isZero();
        gates.forward(1);
        assertThat(asked).hasValue(4);
    }

    @Test
    void train_whoseBatchesAreReadyInReverse_stepsInTheirOrder() {
        TrainingPipeline pipeline = started(gated().concurrency(3), 3);
        List<Gate> standing = gates.forward(3);

        for (int batch = 2; batch >= 0; batch--) {
            assertThat(settled(pipeline).step()).isZero();
            standing.get(batch).open();
            gates.backward(1).get(0).open();
        }

        for (int batch = 0; batch < 3; batch++) {
            StepReport report = nextReport();
            assertThat(report.batch()).isEqualTo(batch);
            assertThat(report.staleness()).isEqualTo(batch);
        }
    }

    @Test
    void train_whileOthersStep_seesTheWeightsThatItRead() {
        TrainingPipeline untouched = fixture.built(gatelessCopy());
        double expected = untouched.evaluate(batches(1, 1)).block(TIMEOUT).loss();
        started(gated().concurrency(2), 2);
        List<Gate> standing = gates.forward(2);

        standing.get(0).open();
        gates.backward(1).get(0).open();
        nextReport();
        standing.get(1).open();
        gates.backward(1).get(0).open();

        assertThat(nextReport().loss()).isEqualTo(expected);
    }

    private TrainingPipeline.Builder gatelessCopy() {
        return TrainingPipeline.builder(fixture.client())
                .local("encoder", fixture.linear(TrainingFixture.WIDTH, 5, 1))
                .local("decoder", fixture.linear(5, TrainingFixture.CLASSES, 2))
                .loss(Loss.crossEntropy())
                .optimizer(SGD);
    }

    @Test
    void train_cancelledBeforeTheExperts_leavesNothingBehind() {
        int before = TensorOps.openManagers();
        TrainingPipeline pipeline = started(gated().concurrency(3), 100);
        gates.forward(3);

        running.dispose();

        assertUnchanged(pipeline, before, 0);
    }

    @Test
    void train_cancelledOnTheWayBack_leavesNothingBehind() {
        int before = TensorOps.openManagers();
        TrainingPipeline pipeline = started(gated().concurrency(3), 100);
        gates.forward(3).forEach(Gate::open);
        gates.backward(3);

        running.dispose();

        assertUnchanged(pipeline, before, 0);
    }

    @Test
    void train_cancelledWhileBatchesWaitForTheirTurn_leavesNothingBehind() {
        int before = TensorOps.openManagers();
        TrainingPipeline pipeline = started(gated().concurrency(3), 100);
        List<Gate> standing = gates.forward(3);
        standing.get(1).open();
        standing.get(2).open();
        gates.backward(2).forEach(Gate::open);
        settled(pipeline);

        running.dispose();

        assertUnchanged(pipeline, before, 0);
    }

    @Test
    void train_cancelledWithinAStepOfSeveralBatches_forgetsThem() {
        int before = TensorOps.openManagers();
        TrainingPipeline pipeline = started(gated().accumulate(3), 100);
        gates.forward(1).get(0).open();
        gates.backward(1).get(0).open();
        gates.forward(1);

        running.dispose();

        assertUnchanged(pipeline, before, 0);
        assertThat(settled(pipeline).nextBatch()).isZero();
    }

    /** One manager is the pipeline's own; what the tensor thread works on is freed when it is done. */
    private void assertUnchanged(TrainingPipeline pipeline, int managersBefore, int steps) {
        assertThat(settled(pipeline).step()).isEqualTo(steps);
        assertThat(TensorOps.openManagers()).isEqualTo(managersBefore + 1);
        assertThat(errors).isEmpty();
        assertThat(asked.get()).isLessThanOrEqualTo(3);
    }

    @Test
    void train_cancelledAtAnyMoment_hasTheWeightsOfWholeSteps() {
        List<TrainerState> reference = states(100);
        TrainingPipeline pipeline = fixture.built(gatelessCopy());
        TrainerState start = settled(pipeline);
        int before = TensorOps.openManagers();
        for (int round = 0; round < 60; round++) {
            pipeline.restore(start).block(TIMEOUT);
            pipeline.train(batches(0, 100))
                    .take(Duration.ofNanos(1 + 100_000L * round))
                    .blockLast(TIMEOUT);

            TrainerState stopped = settled(pipeline);

            assertThat(stopped.nextBatch()).isEqualTo(stopped.step());
            assertThat(stopped.parameters().get("encoder.weight").floats())
                    .isEqualTo(reference
                            .get(stopped.step())
                            .parameters()
                            .get("encoder.weight")
                            .floats());
        }
        assertThat(TensorOps.openManagers()).isEqualTo(before);
    }

    /** After 0, 1, 2 and more steps. */
    private List<TrainerState> states(int steps) {
        TrainingPipeline pipeline = fixture.built(gatelessCopy());
        List<TrainerState> states = new ArrayList<>(List.of(settled(pipeline)));
        for (int step = 0; step < steps; step++) {
            losses(pipeline, batches(step, 1));
            states.add(settled(pipeline));
        }
        return states;
    }

    @Test
    void train_whenExpertsFailOnTheWayBack_givesTheBatchUp() {
        TrainingPipeline pipeline = started(gated().concurrency(2), 3);
        List<Gate> standing = gates.forward(2);

        standing.get(0).open();
        gates.backward(1).get(0).fail(new PeerUnavailableException("gone"));
        standing.get(1).open();
        gates.backward(1).get(0).open();

        StepReport report = nextReport();
        assertThat(report.batch()).isEqualTo(1);
        assertThat(report.totals().lostBatches()).isEqualTo(1);
        assertThat(report.totals().rows()).isEqualTo(ROWS);
        assertThat(settled(pipeline).step()).isEqualTo(1);
    }

    @Test
    void train_whenTooManyBatchesAreLostInARow_fails() {
        started(gated().patience(new Patience(Duration.ofSeconds(1), Duration.ofMillis(1), 1)), 10);

        for (int batch = 0; batch < 2; batch++) {
            gates.forward(1).get(0).open();
            gates.backward(1).get(0).fail(new PeerUnavailableException("gone"));
        }

        assertThat(nextError())
                .isInstanceOf(PeerUnavailableException.class)
                .hasMessage("2 batches in a row were lost on their way back: gone");
    }

    private Throwable nextError() {
        return Flux.interval(Duration.ofMillis(5))
                .filter(tick -> !errors.isEmpty())
                .map(tick -> errors.get(0))
                .blockFirst(TIMEOUT);
    }

    @Test
    void train_whenExpertsAreMissingForAWhile_triesTheBatchAgain() {
        List<Waiting> waits = new CopyOnWriteArrayList<>();
        started(gated().patience(quick(TIMEOUT)).onWaiting(waits::add), 1);

        gates.forward(1).get(0).fail(new PeerUnavailableException("not yet"));
        gates.forward(1).get(0).fail(new PeerUnavailableException("not yet"));
        gates.forward(1).get(0).open();
        gates.backward(1).get(0).open();

        assertThat(nextReport().totals().repeatedBatches()).isEqualTo(2);
        assertThat(waits).extracting(Waiting::failures).containsExactly(1, 2);
        assertThat(waits).allSatisfy(wait -> assertThat(wait.left()).isPositive());
    }

    private static Patience quick(Duration timeout) {
        return new Patience(timeout, Duration.ofMillis(1), 64);
    }

    @Test
    void train_whenExpertsStayAway_failsInTheEnd() {
        Layer nobody = (tape, inputs) -> Mono.error(new PeerUnavailableException("No expert is alive"));
        started(
                TrainingPipeline.builder(fixture.client())
                        .layer("far", nobody)
                        .loss(Loss.crossEntropy())
                        .concurrency(3)
                        .patience(quick(Duration.ofMillis(20))),
                10);

        assertThat(nextError())
                .isInstanceOf(PeerUnavailableException.class)
                .hasMessageContaining("in vain: No expert is alive");
    }

    @Test
    void train_whenALocalSegmentFails_failsAfterTheBatchesBefore() {
        TrainingPipeline pipeline = started(gated().concurrency(2), 5);
        List<Gate> standing = gates.forward(2);

        standing.get(1).fail(new IllegalStateException("a bug"));
        settled(pipeline);
        assertThat(errors).isEmpty();
        standing.get(0).open();
        gates.backward(1).get(0).open();

        assertThat(nextReport().batch()).isZero();
        assertThat(nextError()).hasMessage("a bug");
        assertThat(asked).hasValue(2);
    }

    @Test
    void train_whenABatchDivergesBeforeItsTurn_tellsTheStepOfTheWeights() {
        TrainingPipeline pipeline = fixture.built(gated().concurrency(2));
        Flux<Batch> source = batches(0, 2).map(batch -> batch.index() == 1 ? poisoned(batch) : batch);
        running.add(pipeline.train(source).subscribe(reports::add, errors::add));
        List<Gate> standing = gates.forward(2);

        standing.get(1).open();
        settled(pipeline);
        standing.get(0).open();
        gates.backward(1).get(0).open();

        assertThat(nextReport().batch()).isZero();
        assertThat(nextError()).isInstanceOfSatisfying(DivergedException.class, diverged -> {
            assertThat(diverged.step()).isEqualTo(1);
            assertThat(diverged.batch()).isEqualTo(1);
        });
    }

    private static Batch poisoned(Batch batch) {
        float[] inputs = new float[ROWS * TrainingFixture.WIDTH];
        Arrays.fill(inputs, Float.NaN);
        return new Batch(
                batch.index(), 0, List.of(HostTensor.of(inputs, ROWS, TrainingFixture.WIDTH)), batch.targets());
    }
}
