package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.gating.GridGate;
import dev.hivemind.moe.gating.Routing;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.RandomArrays;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Batches whose rows have different numbers of experts, one of which does not exist. */
class MixtureCallsTest {

    private static final int WIDTH = 8;
    private static final int SLOTS = 3;
    private static final int NONEXISTENT = 99;
    private static final int[][] CHOSEN = {{0, 1, 2}, {2, 4}, {1, NONEXISTENT, 3}, {}};
    private static final float TOLERANCE = 1e-5f;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Swarm swarm = new Swarm();

    @BeforeEach
    void host() {
        swarm.host(0, 4, WIDTH, OptimizerConfig.frozen());
    }

    @AfterEach
    void close() {
        swarm.close();
    }

    private Routing routing() {
        ExpertDirectory directory = swarm.client().directory();
        List<List<List<ExpertDescriptor>>> rows = new ArrayList<>();
        for (int[] experts : CHOSEN) {
            rows.add(IntStream.of(experts)
                    .mapToObj(expert -> List.of(descriptor(directory, expert)))
                    .toList());
        }
        return Routing.of(SLOTS, rows);
    }

    private static ExpertDescriptor descriptor(ExpertDirectory directory, int expert) {
        ExpertDescriptor known =
                directory.find(new ExpertUid("ffn." + expert % NONEXISTENT)).blockFirst(Swarm.TIMEOUT);
        return new ExpertDescriptor(new ExpertUid("ffn." + expert), known.peerId(), known.addresses(), known.status());
    }

    private NDArray samples() {
        return RandomArrays.leaf(arrays.manager(), 11, CHOSEN.length, WIDTH);
    }

    private ExpertMixture mixture(MixturePolicy policy) {
        var settings = new ExpertMixture.Settings(ExpertGrid.of("ffn", 5), SLOTS, policy, null, null, System::nanoTime);
        return new ExpertMixture(swarm.client(), settings);
    }

    private ExpertOutputs forward(RemoteTape tape, ForwardPass pass) {
        tape.await(pass.follow(routing()), late -> {});
        return pass.place(tape.manager(), tape.await(pass.call(), Answers::release));
    }

    private ExpertOutputs outputs(RemoteTape tape, MixturePolicy policy) {
        return forward(tape, new ForwardPass(mixture(policy), new NDList(samples())));
    }

    @Test
    void call_ofRaggedRows_answersAllButTheNonexistent() {
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            ExpertOutputs outputs = outputs(tape, MixturePolicy.DEFAULT);

            assertThat(outputs.answered())
                    .containsExactly(true, true, true, true, true, false, true, false, true, false, false, false);
            assertThat(outputs.stacked().singletonOrThrow().getShape())
                    .isEqualTo(new Shape((long) CHOSEN.length * SLOTS, WIDTH));
        }
    }

    @Test
    void call_onceTheTimeIsOver_failsForWantOfAnswers() {
        ExpertMixture hurried = mixture(MixturePolicy.DEFAULT.withTimeouts(Duration.ofNanos(1), Swarm.TIMEOUT));
        Routing routing = routing();
        routing.experts()
                .forEach(owners -> hurried.handle(owners)
                        .info()
                        .onErrorComplete(RpcException.class)
                        .block(Swarm.TIMEOUT));

        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            Throwable error = catchThrowable(() -> forward(tape, new ForwardPass(hurried, new NDList(samples()))));

            assertThat(error == null || error instanceof PeerUnavailableException)
                    .isTrue();
        }
    }

    @Test
    void call_ofRaggedRows_equalsSingleCalls() {
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            NDArray samples = samples();
            NDArray stacked = forward(tape, new ForwardPass(mixture(MixturePolicy.DEFAULT), new NDList(samples)))
                    .stacked()
                    .singletonOrThrow();

            for (int row = 0; row < CHOSEN.length; row++) {
                for (int rank = 0; rank < SLOTS; rank++) {
                    float[] expected = rank < CHOSEN[row].length && CHOSEN[row][rank] != NONEXISTENT
                            ? tape.forward(swarm.expert(CHOSEN[row][rank]), samples.get(row + ":" + (row + 1)))
                                    .toFloatArray()
                            : new float[WIDTH];
                    assertThat(stacked.get(row * SLOTS + rank).toFloatArray())
                            .usingComparatorWithPrecision(TOLERANCE)
                            .containsExactly(expected);
                }
            }
        }
    }

    @Test
    void callBack_ofRaggedRows_addsUpTheGradientsOfSingleCalls() {
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            NDArray samples = samples();
            var pass = new ForwardPass(mixture(MixturePolicy.DEFAULT), new NDList(samples));
            forward(tape, pass);
            NDArray gradients =
                    arrays.manager().arange(CHOSEN.length * SLOTS * WIDTH * 1f).sin();
            NDList stacked = new NDList(gradients.reshape((long) CHOSEN.length * SLOTS, WIDTH));

            float[] sums = pass.placeGradients(tape.manager(), tape.await(pass.callBack(stacked), Answers::release))
                    .singletonOrThrow()
                    .toFloatArray();

            assertThat(sums).usingComparatorWithPrecision(TOLERANCE).containsExactly(bySingleCalls(samples, stacked));
        }
    }

    private float[] bySingleCalls(NDArray samples, NDList stacked) {
        float[] sums = new float[CHOSEN.length * WIDTH];
        for (int row = 0; row < CHOSEN.length; row++) {
            for (int rank = 0; rank < CHOSEN[row].length; rank++) {
                if (CHOSEN[row][rank] == NONEXISTENT) {
                    continue;
                }
                int slot = row * SLOTS + rank;
                float[] gradient = swarm.expert(CHOSEN[row][rank])
                        .backward(
                                arrays.manager(),
                                new NDList(samples.get(row + ":" + (row + 1))),
                                new NDList(stacked.head().get(slot + ":" + (slot + 1))))
                        .block(Swarm.TIMEOUT)
                        .singletonOrThrow()
                        .toFloatArray();
                for (int i = 0; i < WIDTH; i++) {
                    sums[row * WIDTH + i] += gradient[i];
                }
            }
        }
        return sums;
    }

    @ParameterizedTest
    @EnumSource(Shortfall.class)
    void call_whereSamplesFallShort_doesWhatThePolicySays(Shortfall shortfall) {
        MixturePolicy three = MixturePolicy.DEFAULT.withKMin(3, 1).withShortfall(shortfall);
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            if (shortfall == Shortfall.FAIL) {
                assertThatThrownBy(() -> outputs(tape, three))
                        .isInstanceOf(PeerUnavailableException.class)
                        .hasMessageContaining("3 of 4 samples")
                        .hasMessageContaining("lower kMin");
                return;
            }
            ExpertOutputs outputs = outputs(tape, three);
            boolean kept = shortfall == Shortfall.RENORMALISE;
            assertThat(outputs.answered())
                    .containsExactly(true, true, true, kept, kept, false, kept, false, kept, false, false, false);
            float second = outputs.stacked().head().get(SLOTS).abs().sum().getFloat();
            assertThat(second > 0).isEqualTo(kept);
        }
    }

    @Test
    void slotLogits_ofRaggedRows_areSumsWithGradients() {
        ExpertGrid grid = ExpertGrid.of("ffn", 2, 3);
        GridGate gate = GridGate.create(arrays.manager(), WIDTH, grid, 3);
        String[][] chosen = {{"ffn.1.2", "ffn.0.0"}, {"ffn.1.0"}, {}};
        List<List<List<ExpertDescriptor>>> rows = new ArrayList<>();
        ExpertDescriptor any = descriptor(swarm.client().directory(), 0);
        for (String[] uids : chosen) {
            rows.add(List.of(uids).stream()
                    .map(uid -> List.of(new ExpertDescriptor(new ExpertUid(uid), any.peerId(), any.addresses())))
                    .toList());
        }
        TensorOps.setGradMode(true);
        NDArray logits = arrays.manager()
                .create(new float[] {1, 2, 10, 20, 30, 3, 4, 40, 50, 60, 5, 6, 70, 80, 90}, new Shape(3, 5));
        logits.setRequiresGradient(true);

        NDArray sums = gate.slotLogits(logits, Routing.of(2, rows));
        NDArray first = arrays.manager().create(new float[] {1, 2, 3, 0, 0, 0}, new Shape(3, 2));
        TensorOps.vectorJacobianProduct(sums, first, false);

        float[] values = sums.toFloatArray();
        assertThat(new float[] {values[0], values[1], values[2]}).containsExactly(32, 11, 44);
        assertThat(logits.getGradient().toFloatArray()).containsExactly(2, 1, 2, 0, 1, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0);
    }
}
