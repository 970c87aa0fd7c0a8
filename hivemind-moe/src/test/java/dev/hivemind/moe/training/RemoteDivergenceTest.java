package dev.hivemind.moe.training;

import static dev.hivemind.moe.training.TrainingFixture.CLASSES;
import static dev.hivemind.moe.training.TrainingFixture.TIMEOUT;
import static dev.hivemind.moe.training.TrainingFixture.WIDTH;
import static dev.hivemind.moe.training.TrainingFixture.batch;
import static dev.hivemind.moe.training.TrainingFixture.batches;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.ElementType;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** Numbers that are not finite, between a trainer and experts of other peers. */
class RemoteDivergenceTest {

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private final Swarm swarm = new Swarm();
    private final PeerNode liar =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();

    @AfterEach
    void close() {
        liar.close().block(TIMEOUT);
        swarm.close();
    }

    /** An expert that returns what it is given, but on the way back what is no number. */
    private RemoteExpert liar() {
        var spec = List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, WIDTH));
        var schema = new ExpertSchema(spec, spec, 64, true);
        liar.handle(
                Operation.EXPERT_INFO,
                (caller, request) -> Mono.fromSupplier(() -> Reply.ofMessage(ExpertSchemaCodec.toMessage(schema))));
        liar.handle(
                Operation.EXPERT_FORWARD,
                (caller, request) -> Mono.fromSupplier(() ->
                        new Reply(request.header().tensors(), request.body().retain())));
        liar.handle(
                Operation.EXPERT_BACKWARD,
                (caller, request) -> Mono.fromSupplier(() -> {
                    try (NDManager scope = TensorOps.newManager()) {
                        long rows = request.header().tensors().get(0).shape().get(0);
                        return Reply.ofTensors(
                                NDArrayFrames.encode(new NDList(scope.full(new Shape(rows, WIDTH), Float.NaN))));
                    }
                }));
        liar.start().block(TIMEOUT);
        return swarm.client().remote(new ExpertDescriptor(new ExpertUid("liar.0"), liar.id(), liar.addresses()));
    }

    private RemoteMixtureOfExperts mixture() {
        return RemoteMixtureOfExperts.builder(swarm.client(), fixture.manager())
                .grid("ffn.[0:4]")
                .inFeatures(WIDTH)
                .kBest(2)
                .build();
    }

    private TrainingPipeline.Builder pipeline() {
        return TrainingPipeline.builder(swarm.client()).loss(Loss.crossEntropy());
    }

    /** A loss of 1, whose gradient is zero divided by zero. */
    private static NDArray withoutGradient(NDList outputs, NDList targets) {
        NDArray zero = outputs.head().sub(outputs.head().stopGradient());
        return zero.square().sum().sqrt().add(outputs.head().getManager().create(1f));
    }

    private static void assertDiverges(TrainingPipeline pipeline, Consumer<DivergedException> check) {
        StepVerifier.create(pipeline.train(batches(0, 3)))
                .expectErrorSatisfies(error -> assertThat(error).isInstanceOfSatisfying(DivergedException.class, check))
                .verify(TIMEOUT);
        assertThat(pipeline.capture().block(TIMEOUT).step()).isZero();
    }

    @Test
    void train_throughAnExpertWhoseGradientsAreNoNumbers_namesItAndAsksNobodyInFront() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(0.05));
        int before = swarm.backend(0).optimizer().steps();
        TrainingPipeline pipeline = fixture.built(pipeline()
                .local("encoder", fixture.linear(WIDTH, WIDTH, 1))
                .remote("honest", swarm.expert(0))
                .remote("far", liar())
                .local("decoder", fixture.linear(WIDTH, CLASSES, 2)));

        assertDiverges(pipeline, diverged -> {
            assertThat(diverged.segment()).contains("far");
            assertThat(diverged.batch()).isZero();
            assertThat(diverged)
                    .hasMessageStartingWith(
                            "The gradient of batch 0 is not finite. The first such numbers are gradients"
                                    + " of segment 'far', expert liar.0.");
        });
        assertThat(swarm.backend(0).optimizer().steps()).isEqualTo(before);
    }

    @Test
    void train_withAGradientThatIsNoNumber_blamesNoExpertThatRefusesIt() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(0.05));
        TrainingPipeline pipeline = fixture.built(pipeline()
                .remote("expert", swarm.expert(0))
                .local("decoder", fixture.linear(WIDTH, CLASSES, 2))
                .loss(RemoteDivergenceTest::withoutGradient));

        assertDiverges(pipeline, RemoteDivergenceTest::blamesNobody);
    }

    @Test
    void train_withAGradientThatIsNoNumber_blamesNoMixture() {
        swarm.host(0, 3, WIDTH, OptimizerConfig.sgd(0.05));
        TrainingPipeline pipeline = fixture.built(pipeline()
                .mixture("experts", mixture())
                .local("decoder", fixture.linear(WIDTH, CLASSES, 2))
                .loss(RemoteDivergenceTest::withoutGradient));

        assertDiverges(pipeline, RemoteDivergenceTest::blamesNobody);
    }

    private static void blamesNobody(DivergedException diverged) {
        assertThat(diverged.segment()).isEmpty();
        assertThat(diverged)
                .hasMessageStartingWith("The gradient of batch 0 is not finite. All numbers before it are.");
    }

    @Test
    void train_ofNonsenseThroughAMixture_divergesAtOnce() {
        swarm.host(0, 3, WIDTH, OptimizerConfig.sgd(0.01));
        List<Waiting> waits = new CopyOnWriteArrayList<>();
        TrainingPipeline pipeline = fixture.built(pipeline()
                .mixture("experts", mixture())
                .local("decoder", fixture.linear(WIDTH, CLASSES, 2))
                .onWaiting(waits::add));
        float[] pixels = new float[8 * WIDTH];
        Arrays.fill(pixels, Float.NaN);
        Batch poisoned = new Batch(
                0, 0, List.of(HostTensor.of(pixels, 8, WIDTH)), batch(0, 8).targets());

        StepVerifier.create(pipeline.train(Flux.just(poisoned)))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(DivergedException.class)
                        .hasMessageContaining("in the batch itself"))
                .verify(TIMEOUT);
        assertThat(waits).isEmpty();
    }
}
