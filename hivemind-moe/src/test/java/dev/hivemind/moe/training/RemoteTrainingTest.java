package dev.hivemind.moe.training;

import static dev.hivemind.moe.training.TrainingFixture.CLASSES;
import static dev.hivemind.moe.training.TrainingFixture.TIMEOUT;
import static dev.hivemind.moe.training.TrainingFixture.WIDTH;
import static dev.hivemind.moe.training.TrainingFixture.batch;
import static dev.hivemind.moe.training.TrainingFixture.batches;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.expert.DelayedNopExpert;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.mixture.RemoteSwitchMixtureOfExperts;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

/** Training through experts of other peers. */
class RemoteTrainingTest {

    /** Hundreds of calls over sockets, on a busy machine. */
    private static final Duration LONG = Duration.ofMinutes(2);

    private static final OptimizerConfig ADAM = OptimizerConfig.adam(0.02);

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private final Swarm swarm = new Swarm();

    @AfterEach
    void close() {
        swarm.close();
    }

    private TrainingPipeline.Builder through(ExpertClient client, RemoteExpert expert) {
        return TrainingPipeline.builder(client)
                .local("encoder", fixture.linear(WIDTH, WIDTH, 1))
                .remote("expert", expert)
                .local("decoder", fixture.linear(WIDTH, CLASSES, 2))
                .loss(Loss.crossEntropy())
                .metric(Metric.accuracy())
                .optimizer(ADAM);
    }

    private RemoteExpert delayed(Duration delay) {
        swarm.hostOne(
                "nop.0",
                ExpertFactories.named("nop_delay")
                        .create(new ExpertOptions(WIDTH, 0).with(DelayedNopExpert.DELAY, delay)),
                OptimizerConfig.frozen());
        return swarm.client().expert(new ExpertUid("nop.0")).block(TIMEOUT);
    }

    @Test
    void train_throughAnExpertThatLearns_lowersTheLoss() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(0.05));
        TrainingPipeline pipeline = fixture.built(through(swarm.client(), swarm.expert(0)));
        int before = swarm.backend(0).optimizer().steps();

        List<StepReport> reports = pipeline.train(batches(0, 60)).collectList().block(LONG);

        assertThat(reports.get(59).loss()).isLessThan(0.7 * reports.get(0).loss());
        assertThat(reports.get(59).totals().calls()).isEqualTo(120);
        assertThat(reports.get(59).totals().failedCalls()).isZero();
        assertThat(reports.get(59).totals().expertsAnswering()).isEqualTo(1);
        assertThat(swarm.backend(0).optimizer().steps()).isEqualTo(before + 60);
    }

    @Test
    void train_throughSlowExperts_hasSeveralBatchesUnderWay() {
        RemoteExpert expert = delayed(Duration.ofMillis(3));
        TrainingPipeline pipeline =
                fixture.built(through(swarm.client(), expert).concurrency(4));

        List<StepReport> reports = pipeline.train(batches(0, 30)).collectList().block(LONG);

        assertThat(reports).extracting(StepReport::batch).isSorted().hasSize(30);
        assertThat(reports).extracting(StepReport::staleness).allMatch(staleness -> staleness <= 3);
        assertThat(reports).extracting(StepReport::staleness).contains(3);
    }

    @Test
    void train_whenTheExpertStalls_asksTheSourceForAsManyBatchesAsMayBeUnderWay() {
        RemoteExpert expert = delayed(Duration.ofMinutes(10));
        TrainingPipeline pipeline =
                fixture.built(through(swarm.client(), expert).concurrency(4));
        var asked = new AtomicInteger();
        var taken = new AtomicInteger();
        int before = TensorOps.openManagers();
        Flux<Batch> source =
                batches(0, 1000).doOnRequest(n -> asked.addAndGet((int) n)).doOnNext(batch -> taken.incrementAndGet());

        StepVerifier.create(pipeline.train(source))
                .expectSubscription()
                .then(() -> awaitThat(() -> taken.get() == 4))
                .expectNoEvent(Duration.ofMillis(300))
                .then(() -> assertThat(asked).hasValue(4))
                .then(() -> assertThat(taken).hasValue(4))
                .thenCancel()
                .verify(TIMEOUT);
        pipeline.capture().block(TIMEOUT);
        assertThat(TensorOps.openManagers()).isLessThanOrEqualTo(before);
    }

    private static void awaitThat(BooleanSupplier condition) {
        Flux.interval(Duration.ofMillis(2))
                .onBackpressureDrop()
                .takeUntil(i -> condition.getAsBoolean())
                .blockLast(TIMEOUT);
    }

    @Test
    void train_withABatchThatIsTooLarge_saysWhatToDo() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd());
        RemoteExpert expert = swarm.expert(0);
        int most = expert.info().block(TIMEOUT).maxBatchSize();
        TrainingPipeline pipeline = fixture.built(through(swarm.client(), expert));

        StepVerifier.create(pipeline.train(Flux.just(batch(0, most + 1))))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(SchemaMismatchException.class)
                        .hasMessage(("Segment 'expert' got %d rows, but ffn.0 takes at most %d at once: make batches"
                                        + " smaller, have the server take more, or use a mixture, which splits them")
                                .formatted(most + 1, most)))
                .verify(TIMEOUT);
    }

    @Test
    void train_whenTheServerIsGone_waitsWithACountdownAndFails() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd());
        RemoteExpert expert = swarm.expert(0);
        expert.info().block(TIMEOUT);
        swarm.kill(0);
        List<Waiting> waits = new CopyOnWriteArrayList<>();
        TrainingPipeline pipeline = fixture.built(through(swarm.client(), expert)
                .patience(new Patience(Duration.ofMillis(400), Duration.ofMillis(10), 1))
                .onWaiting(waits::add));

        StepVerifier.create(pipeline.train(batches(0, 5)))
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);
        assertThat(waits).isNotEmpty();
        assertThat(pipeline.capture().block(TIMEOUT).step()).isZero();
    }

    @Test
    void train_throughAMixture_trainsTheGate() {
        swarm.host(0, 3, WIDTH, OptimizerConfig.adam(0.01));
        var mixture = RemoteMixtureOfExperts.builder(swarm.client(), fixture.manager())
                .grid("ffn.[0:4]")
                .inFeatures(WIDTH)
                .kBest(2)
                .build();
        TrainingPipeline pipeline = fixture.built(TrainingPipeline.builder(swarm.client())
                .mixture("experts", mixture)
                .local("decoder", fixture.linear(WIDTH, CLASSES, 2))
                .loss(Loss.crossEntropy())
                .optimizer(ADAM)
                .concurrency(3));
        float[] gate = pipeline.capture()
                .block(TIMEOUT)
                .parameters()
                .get("experts.weight")
                .floats();

        List<StepReport> reports = pipeline.train(batches(0, 60)).collectList().block(LONG);

        assertThat(pipeline.parameters().keySet())
                .containsExactly("experts.weight", "experts.bias", "decoder.weight", "decoder.bias");
        assertThat(reports.get(59).loss()).isLessThan(0.7 * reports.get(0).loss());
        assertThat(reports.get(59).totals().expertsAnswering()).isPositive();
        assertThat(pipeline.capture()
                        .block(TIMEOUT)
                        .parameters()
                        .get("experts.weight")
                        .floats())
                .isNotEqualTo(gate);
        assertThat(pipeline.evaluate(batches(100, 4)).block(TIMEOUT).loss()).isLessThan(1.0);
    }

    private RemoteSwitchMixtureOfExperts switching() {
        swarm.host(0, 3, WIDTH, OptimizerConfig.adam(0.01));
        return RemoteSwitchMixtureOfExperts.builder(swarm.client(), fixture.manager())
                .grid("ffn.[0:4]")
                .inFeatures(WIDTH)
                .jitter(0)
                .build();
    }

    private TrainingPipeline.Builder through(RemoteSwitchMixtureOfExperts switching, double balancing) {
        return TrainingPipeline.builder(swarm.client())
                .mixture("switch", switching, balancing)
                .local("decoder", fixture.linear(WIDTH, CLASSES, 2))
                .loss(Loss.crossEntropy());
    }

    @Test
    void train_throughASwitch_trainsTheGate() {
        RemoteSwitchMixtureOfExperts switching = switching();
        TrainingPipeline pipeline =
                fixture.built(through(switching, 0.01).optimizer(ADAM).concurrency(3));
        float[] gate = gateOf(pipeline);

        List<StepReport> reports = pipeline.train(batches(0, 60)).collectList().block(LONG);

        assertThat(pipeline.parameters().keySet())
                .containsExactly("switch.weight", "switch.bias", "decoder.weight", "decoder.bias");
        assertThat(reports.get(59).loss()).isLessThan(0.8 * reports.get(0).loss());
        assertThat(reports.get(59).totals().calls()).isPositive();
        assertThat(gateOf(pipeline)).isNotEqualTo(gate);
        assertThat(switching.statistics().rowsByExpert()).isNotEmpty();
    }

    private static float[] gateOf(TrainingPipeline pipeline) {
        return pipeline.capture()
                .block(TIMEOUT)
                .parameters()
                .get("switch.weight")
                .floats();
    }

    @Test
    void train_throughASwitch_addsItsBalancingLossToThatOfTraining() {
        TrainingPipeline balanced = fixture.built(through(switching(), 100).optimizer(OptimizerConfig.frozen()));

        double withoutBalancing =
                balanced.evaluate(batches(0, 1)).block(TIMEOUT).loss();
        double withBalancing = balanced.train(batches(0, 1)).blockLast(TIMEOUT).loss();

        assertThat(withBalancing - withoutBalancing).isBetween(50.0, 400.0);
    }

    @Test
    void mixture_withANegativeBalancingFactor_isRefused() {
        RemoteSwitchMixtureOfExperts switching = switching();

        assertThatThrownBy(() -> through(switching, -1)).isInstanceOf(IllegalArgumentException.class);
    }
}
