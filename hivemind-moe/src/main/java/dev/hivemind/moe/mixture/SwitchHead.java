package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.gating.GridUtilization;
import dev.hivemind.moe.gating.Routing;
import dev.hivemind.moe.gating.SwitchGate;
import java.util.Arrays;

/** Adds the output of one expert to each sample, scaled by its probability; and says how unevenly the grid is used. */
final class SwitchHead implements Head {

    private final NDArray samples;
    private final SwitchGate.Opinion opinion;
    private final GridUtilization utilization;
    private final boolean training;

    SwitchHead(SwitchGate gate, GridUtilization utilization, NDArray samples, boolean training) {
        this.samples = samples;
        this.opinion = gate.judge(samples, training);
        this.utilization = utilization;
        this.training = training;
    }

    @Override
    public float[] scores() {
        return opinion.scores();
    }

    /** The output, then the balancing loss. */
    @Override
    public NDList combine(Routing routing, ExpertOutputs outputs) {
        if (training) {
            utilization.add(routing, outputs.answered());
        }
        NDArray answers = outputs.stacked().singletonOrThrow();
        long[] perRow = new long[samples.getShape().dimension()];
        Arrays.fill(perRow, 1);
        perRow[0] = routing.rows();
        NDArray weights = opinion.slotProbabilities(routing).reshape(new Shape(perRow));
        return new NDList(samples.add(answers.mul(weights)), opinion.balancingLoss(utilization.shares()));
    }
}
