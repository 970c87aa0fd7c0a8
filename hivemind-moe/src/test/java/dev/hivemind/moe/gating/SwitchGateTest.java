package dev.hivemind.moe.gating;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class SwitchGateTest {

    private static final int FEATURES = 6;
    private static final int ROWS = 256;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final SplittableRandom random = new SplittableRandom(4);

    @BeforeEach
    void record() {
        TensorOps.setGradMode(true);
    }

    private NDArray samples(NDManager manager) {
        float[] values = new float[ROWS * FEATURES];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        return manager.create(values, new Shape(ROWS, FEATURES));
    }

    /** Every sample goes to its most probable cell, and everybody answers. */
    private static Routing route(ExpertGrid grid, float[] scores) {
        List<List<List<ExpertDescriptor>>> rows = new ArrayList<>();
        for (int row = 0; row < grid.rows(scores); row++) {
            var uid = new StringBuilder("ffn");
            for (int dimension = 0; dimension < grid.dimensions(); dimension++) {
                uid.append('.')
                        .append(best(
                                scores,
                                row * grid.scores() + grid.offset(dimension),
                                grid.sizes().get(dimension)));
            }
            rows.add(List.of(List.of(Grids.expert(uid.toString()))));
        }
        return Routing.of(1, rows);
    }

    private static int best(float[] scores, int first, int size) {
        int best = 0;
        for (int i = 1; i < size; i++) {
            best = scores[first + i] > scores[first + best] ? i : best;
        }
        return best;
    }

    private static boolean[] all() {
        boolean[] answered = new boolean[ROWS];
        Arrays.fill(answered, true);
        return answered;
    }

    @Test
    void balancingLoss_ofAGateWithAFavourite_makesItUseTheWholeGrid() {
        ExpertGrid grid = ExpertGrid.of("ffn", 4, 3);
        GridGate linear = GridGate.create(arrays.manager(), FEATURES, grid, 1);
        NDArray bias = linear.parameters().get(1);
        bias.set(new float[] {3, 0, 0, 0, 3, 0, 0});
        var gate = new SwitchGate(grid, linear, 0.01, 1, 2);
        var utilization = new GridUtilization(grid, 0.5);

        for (int step = 0; step < 400; step++) {
            try (NDManager scope = arrays.manager().newSubManager()) {
                SwitchGate.Opinion opinion = gate.judge(samples(scope), true);
                utilization.add(route(grid, opinion.scores()), all());
                if (step == 0) {
                    assertThat(utilization.shares()[0]).isGreaterThan(0.6f);
                }
                NDArray loss = opinion.balancingLoss(utilization.shares());
                TensorOps.vectorJacobianProduct(loss, loss.onesLike(), false);
                descend(linear, step == 0);
            }
        }

        for (int dimension = 0; dimension < grid.dimensions(); dimension++) {
            for (float share : utilization.shares(dimension)) {
                float even = 1f / grid.sizes().get(dimension);
                assertThat(share).isBetween(even / 2, even * 2);
            }
        }
    }

    private static void descend(GridGate gate, boolean first) {
        TensorOps.withGradMode(false, () -> {
            for (NDArray parameter : gate.parameters()) {
                NDArray gradient = parameter.getGradient();
                if (first) {
                    assertThat(gradient.abs().sum().getFloat()).isPositive();
                }
                TensorOps.sgdUpdate(parameter, gradient, 0.3);
                gradient.close();
            }
            return true;
        });
        gate.parameters().forEach(TensorOps::zeroGradient);
    }

    @Test
    void balancingLoss_ofAnEvenGate_isTheNumberOfDimensions() {
        ExpertGrid grid = ExpertGrid.of("ffn", 4, 3);
        GridGate linear = GridGate.create(arrays.manager(), FEATURES, grid, 1);
        linear.parameters().forEach(parameter -> parameter.set(new float[(int) parameter.size()]));
        var gate = new SwitchGate(grid, linear, 0, 1, 2);

        NDArray loss =
                gate.judge(samples(arrays.manager()), false).balancingLoss(new GridUtilization(grid, 0.9).shares());

        assertThat(loss.getFloat()).isCloseTo(2, offset(1e-5f));
    }

    @Test
    void judge_inTraining_leavesTheSamplesAloneAndIsNoisy() {
        ExpertGrid grid = ExpertGrid.of("ffn", 4);
        var gate = new SwitchGate(grid, GridGate.create(arrays.manager(), FEATURES, grid, 1), 0.1, 1, 2);
        NDArray samples = samples(arrays.manager());
        samples.setRequiresGradient(true);
        float[] before = samples.toFloatArray();

        float[] noisy = gate.judge(samples, true).scores();

        assertThat(samples.toFloatArray()).isEqualTo(before);
        assertThat(noisy).isNotEqualTo(gate.judge(samples, false).scores());
        assertThat(gate.judge(samples, false).scores())
                .isEqualTo(gate.judge(samples, false).scores());
    }

    @Test
    void judge_withGridDropout_leavesSomeIndicesOutButNeverAll() {
        ExpertGrid grid = ExpertGrid.of("ffn", 4, 2);
        var gate = new SwitchGate(grid, GridGate.create(arrays.manager(), FEATURES, grid, 1), 0, 0.2, 2);
        NDArray samples = samples(arrays.manager());
        int dropped = 0;
        for (int round = 0; round < 20; round++) {
            float[] scores = gate.judge(samples, true).scores();
            for (int dimension = 0; dimension < 2; dimension++) {
                int open = 0;
                for (int i = 0; i < grid.sizes().get(dimension); i++) {
                    boolean closed = scores[grid.offset(dimension) + i] == Float.NEGATIVE_INFINITY;
                    open += closed ? 0 : 1;
                    dropped += closed ? 1 : 0;
                }
                assertThat(open).isPositive();
            }
        }
        assertThat(dropped).isGreaterThan(40);
    }

    @Test
    void slotProbabilities_areProductsOverDimensions() {
        ExpertGrid grid = ExpertGrid.of("ffn", 2, 2);
        GridGate linear = GridGate.create(arrays.manager(), FEATURES, grid, 1);
        var opinion = new SwitchGate(grid, linear, 0, 1, 2).judge(samples(arrays.manager()), false);
        float[] scores = opinion.scores();
        Routing routing = route(grid, scores);

        float[] probabilities = opinion.slotProbabilities(routing).toFloatArray();

        for (int row = 0; row < ROWS; row++) {
            double expected = Math.exp(grid.score(routing.uid(routing.slots()[row]), scores, row));
            assertThat((double) probabilities[row]).isCloseTo(expected, offset(1e-5));
        }
    }

    @Test
    void gate_withSettingsOutOfBounds_saysSo() {
        ExpertGrid grid = ExpertGrid.of("ffn", 2);
        GridGate linear = GridGate.create(arrays.manager(), FEATURES, grid, 1);

        assertThatThrownBy(() -> new SwitchGate(grid, linear, 1, 1, 2)).hasMessageContaining("jitter");
        assertThatThrownBy(() -> new SwitchGate(grid, linear, 0, 0, 2)).hasMessageContaining("gridDropout");
        assertThatThrownBy(() -> new GridUtilization(grid, 1)).hasMessageContaining("moving average");
    }
}
