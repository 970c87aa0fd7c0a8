package dev.hivemind.moe.gating;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.SplittableRandom;

/**
 * A linear gate over a flat grid: one logit per cell for every sample. Its parameters belong to the manager it was made
 * with; whoever trains it steps them.
 */
public final class GridGate {

    private final NDArray weight;
    private final NDArray bias;

    private GridGate(NDArray weight, NDArray bias) {
        this.weight = weight;
        this.bias = bias;
    }

    /**
     * A gate with weights and biases uniform in {@code ±1/√inFeatures}, the same for the same seed.
     *
     * @param manager owns the parameters
     * @param inFeatures length of a sample
     * @param gridSize number of cells
     */
    public static GridGate create(NDManager manager, int inFeatures, int gridSize, long seed) {
        var random = new SplittableRandom(seed);
        float bound = (float) (1 / Math.sqrt(inFeatures));
        var weight = parameter(manager, uniform(random, inFeatures * gridSize, bound), new Shape(inFeatures, gridSize));
        var bias = parameter(manager, uniform(random, gridSize, bound), new Shape(gridSize));
        return new GridGate(weight, bias);
    }

    /**
     * Logits of shape {@code (rows, gridSize)} for samples of shape {@code (rows, inFeatures)}, part of the caller's
     * graph and owned by the samples' manager.
     */
    public NDArray logits(NDArray samples) {
        return samples.dot(weight).add(bias);
    }

    /** Weight {@code (inFeatures, gridSize)} and bias {@code (gridSize)}, which require gradients. */
    public NDList parameters() {
        return new NDList(weight, bias);
    }

    private static NDArray parameter(NDManager manager, float[] values, Shape shape) {
        NDArray parameter = manager.create(values, shape);
        parameter.setRequiresGradient(true);
        return parameter;
    }

    private static float[] uniform(SplittableRandom random, int count, float bound) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextDouble(-bound, bound);
        }
        return values;
    }
}
