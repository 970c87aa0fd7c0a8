package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.gating.GridGate;
import dev.hivemind.moe.gating.Routing;

/** Weighs experts by the softmax of their logits, among those that answered. */
final class SoftmaxHead implements Head {

    /** Stands for minus infinity in a softmax: an exact zero weight, and no NaN where a whole row is masked. */
    private static final float MASKED = -1e30f;

    private final GridGate gate;
    private final NDArray logits;

    SoftmaxHead(GridGate gate, NDArray samples) {
        this.gate = gate;
        this.logits = gate.logits(gate.averages(samples));
    }

    @Override
    public float[] scores() {
        return logits.toFloatArray();
    }

    @Override
    public NDList combine(Routing routing, ExpertOutputs outputs) {
        NDManager manager = logits.getManager();
        var slots = new Shape(routing.rows(), routing.width());
        NDArray weights = gate.slotLogits(logits, routing)
                .add(manager.create(mask(outputs.answered()), slots))
                .softmax(1);
        NDList sums = new NDList();
        outputs.stacked().forEach(stacked -> sums.add(weightedSum(weights, stacked, routing)));
        return sums;
    }

    private static float[] mask(boolean[] answered) {
        float[] mask = new float[answered.length];
        for (int slot = 0; slot < mask.length; slot++) {
            mask[slot] = answered[slot] ? 0 : MASKED;
        }
        return mask;
    }

    private static NDArray weightedSum(NDArray weights, NDArray stacked, Routing routing) {
        long[] shape = stacked.getShape().getShape().clone();
        shape[0] = routing.rows();
        NDArray perSlot = stacked.reshape(routing.rows(), routing.width(), -1);
        return weights.expandDims(2).mul(perSlot).sum(new int[] {1}).reshape(new Shape(shape));
    }
}
