package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.data.Offset.offset;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.CallPolicy;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.expert.NopExpert;
import dev.hivemind.moe.expert.PairExpert;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.gating.GridMismatchException;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.MixtureCallMessage;
import dev.hivemind.rsocket.events.proto.MixtureEventMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.tensor.ElementType;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;

/** What a mixture does with inputs and experts that are out of the ordinary. */
class MixtureBehaviourTest {

    private static final int WIDTH = 8;

    @RegisterExtension
    final MixtureFixture fixture = new MixtureFixture();

    private final Swarm swarm = fixture.swarm;

    private RemoteMixtureOfExperts.Builder mixture(String grid) {
        return fixture.mixture(grid, WIDTH).kBest(2);
    }

    private NDArray random(long... shape) {
        return fixture.manager().randomNormal(new Shape(shape));
    }

    @Test
    void forward_inATwoDimensionalGrid_usesItsExperts() {
        swarm.host(List.of("ffn.0.1", "ffn.2.0", "ffn.2.3"), WIDTH, 0, OptimizerConfig.frozen());
        RemoteMixtureOfExperts mixture = mixture("ffn.[0:4].[0:4]").kBest(3).build();

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            tape.backward(mixture.forward(tape, random(5, WIDTH)).square().sum());
        }

        assertThat(mixture.statistics().rowsByExpert().values()).containsExactly(5L, 5L, 5L);
        assertThat(mixture.parameters().get(0).getGradient().abs().sum().getFloat())
                .isPositive();
    }

    @Test
    void forward_ofSamplesWithFurtherDimensions_gatesTheirAverage() {
        var spec = List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, 3, WIDTH));
        ExpertDefinition nop = new NopExpert().create(new ExpertOptions(WIDTH, 0));
        swarm.hostOne("nop.0", new ExpertDefinition(nop.block(), spec, spec), OptimizerConfig.frozen());
        RemoteMixtureOfExperts mixture = mixture("nop.[0:1]").kBest(1).build();
        NDArray samples = random(4, 3, WIDTH);

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            NDArray output = mixture.forward(tape, samples);

            assertThat(output.toFloatArray()).isEqualTo(samples.toFloatArray());
            assertThat(output.getShape()).isEqualTo(samples.getShape());
        }
    }

    @Test
    void forward_withSeveralInputsAndOutputs_weighsEachOutput() {
        swarm.hostOne("pair.0", new PairExpert().create(new ExpertOptions(WIDTH, 1)), OptimizerConfig.frozen());
        swarm.hostOne("pair.1", new PairExpert().create(new ExpertOptions(WIDTH, 2)), OptimizerConfig.frozen());
        var pair = new PairExpert().create(new ExpertOptions(WIDTH, 1));
        RemoteMixtureOfExperts mixture = mixture("pair.[0:2]")
                .outputs(pair.outputs().toArray(TensorSpec[]::new))
                .build();
        NDArray a = random(4, WIDTH);
        NDArray b = random(4, WIDTH);
        a.setRequiresGradient(true);
        b.setRequiresGradient(true);

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            NDList outputs = mixture.forward(tape, new NDList(a, b));
            assertThat(outputs.get(0).getShape()).isEqualTo(new Shape(4, WIDTH));
            assertThat(outputs.get(1).getShape()).isEqualTo(new Shape(4));
            tape.backward(outputs.get(0).sum().add(outputs.get(1).sum()));
        }

        assertThat(a.getGradient().abs().sum().getFloat()).isPositive();
        assertThat(b.getGradient().abs().sum().getFloat()).isPositive();
    }

    @Test
    void step_withCompressedOutputsOfSingleNumbers_hasOutputsAndGradients() {
        var pair = new PairExpert().create(new ExpertOptions(WIDTH, 1));
        swarm.hostOne("pair.0", pair, OptimizerConfig.frozen());
        var policy = CallPolicy.DEFAULT.withActivations(Compression.INT8).withGradients(Compression.INT8);
        RemoteMixtureOfExperts mixture = RemoteMixtureOfExperts.builder(swarm.clientWith(policy), fixture.manager())
                .grid("pair.[0:1]")
                .inFeatures(WIDTH)
                .kBest(1)
                .outputs(pair.outputs().toArray(TensorSpec[]::new))
                .build();
        NDArray a = random(40, WIDTH);
        a.setRequiresGradient(true);

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            NDList outputs = mixture.forward(tape, new NDList(a, random(40, WIDTH)));
            tape.backward(outputs.get(0).sum().add(outputs.get(1).sum()));
        }

        assertThat(mixture.statistics().failedCalls()).isZero();
        assertThat(a.getGradient().abs().sum().getFloat()).isPositive();
    }

    @Test
    void forward_ofMoreRowsThanAnExpertTakes_callsItMoreOften() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        int most = swarm.expert(0).info().block(Swarm.TIMEOUT).maxBatchSize();
        RemoteMixtureOfExperts mixture = mixture("ffn.[0:1]").kBest(1).build();

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            tape.backward(mixture.forward(tape, random(most + 1, WIDTH)).sum());
        }

        assertThat(mixture.statistics().calls()).isEqualTo(4);
        assertThat(mixture.statistics().failedCalls()).isZero();
        assertThat(mixture.statistics().rowsByExpert().values()).containsExactly(most + 1L);
    }

    @Test
    void forward_ofNumbersThatAreNotFinite_isAnErrorIfItIsToBeDetected() {
        swarm.host(0, 1, WIDTH, OptimizerConfig.frozen());
        RemoteMixtureOfExperts mixture = mixture("ffn.[0:2]")
                .policy(MixturePolicy.DEFAULT.withDetectAnomalies(true))
                .build();

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            NDArray broken = random(3, WIDTH);
            broken.set(new NDIndex(1, 2), Float.NaN);
            assertThatThrownBy(() -> mixture.forward(tape, broken))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("in front of the mixture");

            NDArray output = mixture.forward(tape, random(3, WIDTH));
            NDArray infinite =
                    output.mul(tape.manager().create(Float.POSITIVE_INFINITY)).sum();
            assertThatThrownBy(() -> tape.backward(infinite))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("the loss behind the mixture");
        }
    }

    /** The gate does not see the second input. */
    @Test
    void forward_ofNumbersThatAreNotFinite_blamesNoExpert() {
        var pair = new PairExpert().create(new ExpertOptions(WIDTH, 1));
        swarm.hostOne("pair.0", pair, OptimizerConfig.frozen());
        RemoteMixtureOfExperts mixture = mixture("pair.[0:1]")
                .kBest(1)
                .outputs(pair.outputs().toArray(TensorSpec[]::new))
                .build();

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            NDArray broken = random(3, WIDTH);
            broken.set(new NDIndex(1, 2), Float.NaN);
            assertThatThrownBy(() -> mixture.forward(tape, new NDList(random(3, WIDTH), broken)))
                    .isInstanceOf(PeerUnavailableException.class);
            long failed = mixture.statistics().failedCalls();

            mixture.forward(tape, new NDList(random(3, WIDTH), random(3, WIDTH)));

            assertThat(mixture.statistics().rowsByExpert().values()).containsExactly(3L);
            assertThat(mixture.statistics().failedCalls()).isEqualTo(failed);
        }
    }

    @Test
    void forward_ofInputsThatDoNotFitEachOther_namesTheInput() {
        swarm.host(0, 1, WIDTH, OptimizerConfig.frozen());
        RemoteMixtureOfExperts mixture = mixture("ffn.[0:2]").build();

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            NDArray samples = random(3, WIDTH);
            for (NDArray second : List.of(
                    random(2, WIDTH),
                    fixture.manager().create(1f),
                    random(3, WIDTH).toType(DataType.FLOAT64, true))) {
                assertThatThrownBy(() -> mixture.forward(tape, new NDList(samples, second)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("Input 1");
            }
        }
        assertThat(mixture.statistics().calls()).isZero();
    }

    @Test
    void forward_ofExpertsWithOtherOutputs_saysWhatToChange() {
        swarm.hostOne("pair.0", new PairExpert().create(new ExpertOptions(WIDTH, 1)), OptimizerConfig.frozen());
        RemoteMixtureOfExperts mixture = mixture("pair.[0:1]").kBest(1).build();

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            assertThatThrownBy(() -> mixture.forward(tape, random(4, WIDTH)))
                    .isInstanceOf(PeerUnavailableException.class)
                    .hasMessageContaining("tell it the outputs of its experts");
        }
    }

    @Test
    void forward_inAGridOfOtherDimensions_saysWhatToChange() {
        swarm.host(0, 1, WIDTH, OptimizerConfig.frozen());
        RemoteMixtureOfExperts mixture = mixture("ffn.[0:2].[0:2]").build();

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            assertThatThrownBy(() -> mixture.forward(tape, random(4, WIDTH)))
                    .isInstanceOf(GridMismatchException.class)
                    .hasMessageContaining("as many dimensions");
        }
    }

    @Test
    void build_withSettingsThatCannotBe_saysWhatToChange() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        assertThatThrownBy(() -> mixture("ffn.[0:2]").kBest(3).build()).hasMessageContaining("choose fewer experts");
        assertThatThrownBy(() -> mixture("ffn.[0:2]")
                        .policy(MixturePolicy.DEFAULT.withKMin(3, 1))
                        .build())
                .hasMessageContaining("kMin is 3, but only 2 experts are called");
        assertThatThrownBy(() -> mixture("ffn.[0:2]").inFeatures(0).build()).hasMessageContaining("inFeatures");
        assertThatThrownBy(() -> RemoteMixtureOfExperts.builder(swarm.client(), fixture.manager())
                        .build())
                .hasMessageContaining("A grid is required");
        assertThatThrownBy(() -> MixturePolicy.DEFAULT.withTimeouts(Duration.ZERO, Duration.ofSeconds(1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("forwardTimeout")
                .hasMessageContaining("give it some");
        assertThatThrownBy(() -> MixturePolicy.DEFAULT.withTimeoutAfterKMin(Duration.ZERO))
                .hasMessageContaining("timeoutAfterKMin");
        assertThatThrownBy(() -> mixture("ffn.[0:2]").outputs(TensorSpec.of("y", ElementType.INT64, TensorSpec.BATCH)))
                .hasMessageContaining("float32");
    }

    @Test
    void search_forScoresOfYourOwn_findsExpertsToCall() {
        swarm.host(List.of("ffn.0.1", "ffn.2.0", "ffn.2.3"), WIDTH, 0, OptimizerConfig.frozen());
        ExpertGrid grid = ExpertGrid.of("ffn", 4, 4);
        float[] scores = new float[2 * grid.scores()];
        IntStream.range(0, 8).forEach(i -> scores[i] = i);

        var found = ExpertSearch.create(swarm.client(), grid).best(scores, 2).block(Swarm.TIMEOUT);

        assertThat(found).hasSize(2);
        assertThat(found.get(0)).extracting(expert -> expert.uid().value()).containsExactly("ffn.2.3", "ffn.2.0");
        assertThat(found.get(0)
                        .get(0)
                        .forward(fixture.manager(), new NDList(random(2, WIDTH)))
                        .block(Swarm.TIMEOUT))
                .hasSize(1);
    }

    @Test
    void events_ofAStep_tellOfCallsAndTheGate() {
        swarm.host(List.of("ffn.0.1", "ffn.2.0"), WIDTH, 0, OptimizerConfig.frozen());
        var feed = new EventFeed(Clock.systemUTC());
        RemoteMixtureOfExperts mixture = mixture("ffn.[0:4].[0:4]").events(feed).build();
        List<MixtureEventMessage> events = new CopyOnWriteArrayList<>();
        Disposable subscription = feed.events().subscribe(event -> events.add(event.getMixture()));

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            tape.backward(mixture.forward(tape, random(5, WIDTH)).square().sum());
        }
        subscription.dispose();

        assertThat(events).hasSize(2).allSatisfy(event -> {
            assertThat(event.getGrid()).isEqualTo("ffn.[0:4].[0:4]");
            assertThat(event.getRows()).isEqualTo(5);
            assertThat(event.getChosen()).isEqualTo(10);
            assertThat(event.getAnswered()).isEqualTo(10);
            assertThat(event.getCallsList())
                    .extracting(MixtureCallMessage::getUid, MixtureCallMessage::getRows, MixtureCallMessage::getError)
                    .containsExactlyInAnyOrder(tuple("ffn.0.1", 5, ""), tuple("ffn.2.0", 5, ""));
        });
        assertThat(events.get(0).getOperation()).isEqualTo(Operation.EXPERT_FORWARD.wireId());
        assertThat(events.get(0).getGateEntropy()).isBetween(0.5, 2 * Math.log(4));
        assertThat(events.get(1).getOperation()).isEqualTo(Operation.EXPERT_BACKWARD.wireId());
        assertThat(events.get(1).hasGateEntropy()).isFalse();
    }

    @Test
    void entropy_ofAnEvenGate_isThatOfAnEvenDraw() {
        var events = new MixtureEvents(new EventFeed(Clock.systemUTC()), ExpertGrid.of("ffn", 4, 2));

        assertThat(events.entropy(new float[6])).isCloseTo(Math.log(8), offset(1e-9));
        assertThat(events.entropy(new float[] {100, 0, 0, 0, 0, Float.NEGATIVE_INFINITY}))
                .isCloseTo(0, offset(1e-9));
    }
}
