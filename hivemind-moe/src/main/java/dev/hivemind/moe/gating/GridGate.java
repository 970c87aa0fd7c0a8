package dev.hivemind.moe.gating;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * A linear gate over a grid: one logit for each index of each dimension, for every sample. The logit of an expert is the
 * sum of those of its coordinates. Its parameters belong to the manager it was made with; whoever trains it steps them.
 */
public final class GridGate {

    private final ExpertGrid grid;
    private final int inFeatures;
    private final NDArray weight;
    private final NDArray bias;

    private GridGate(ExpertGrid grid, int inFeatures, NDArray weight, NDArray bias) {
        this.grid = grid;
        this.inFeatures = inFeatures;
        this.weight = weight;
        this.bias = bias;
    }

    /**
     * A gate with weights and biases uniform in {@code ±1/√inFeatures}, the same for the same seed.
     *
     * @param manager owns the parameters
     * @param inFeatures length of the last dimension of samples
     */
    public static GridGate create(NDManager manager, int inFeatures, ExpertGrid grid, long seed) {
        requireNonNull(grid, "grid");
        if (inFeatures < 1) {
            throw new IllegalArgumentException("inFeatures is at least 1, not " + inFeatures);
        }
        var random = new SplittableRandom(seed);
        int scores = grid.scores();
        float bound = (float) (1 / Math.sqrt(inFeatures));
        var weight = parameter(
                manager, uniform(random, Math.multiplyExact(inFeatures, scores), bound), new Shape(inFeatures, scores));
        var bias = parameter(manager, uniform(random, scores, bound), new Shape(scores));
        return new GridGate(grid, inFeatures, weight, bias);
    }

    /**
     * Checks what the gate is asked about.
     *
     * @throws IllegalArgumentException unless it is float32 of shape {@code (rows, …, inFeatures)} with at least one row
     */
    public void requireSamples(NDArray samples) {
        Shape shape = samples.getShape();
        if (shape.dimension() < 2
                || shape.size() == 0
                || shape.get(shape.dimension() - 1) != inFeatures
                || samples.getDataType() != DataType.FLOAT32) {
            throw new IllegalArgumentException(
                    "Samples are float32 of shape (rows, …, %d) with at least one row, not %s of shape %s"
                            .formatted(inFeatures, samples.getDataType(), shape));
        }
    }

    /** Samples of shape {@code (rows, inFeatures)}: the averages over all dimensions but the first and the last. */
    public NDArray averages(NDArray samples) {
        int dimensions = samples.getShape().dimension();
        return dimensions == 2
                ? samples
                : samples.mean(IntStream.range(1, dimensions - 1).toArray());
    }

    /**
     * Logits of shape {@code (rows, scores of the grid)} for {@link #averages}, part of the caller's graph and owned by
     * the samples' manager.
     */
    public NDArray logits(NDArray averages) {
        return averages.dot(weight).add(bias);
    }

    /**
     * The logits of the experts that were chosen, of shape {@code (rows, width)}, part of the graph of the logits; those
     * of empty slots mean nothing.
     */
    public NDArray slotLogits(NDArray logits, Routing routing) {
        NDManager manager = logits.getManager();
        var shape = new Shape(routing.rows(), routing.width());
        NDArray sum = null;
        for (int dimension = 0; dimension < grid.dimensions(); dimension++) {
            NDArray part = logits.gather(manager.create(places(routing, dimension), shape), 1);
            sum = sum == null ? part : sum.add(part);
        }
        return requireNonNull(sum);
    }

    /** Where in a row of logits those of a dimension are, for every slot. */
    private long[] places(Routing routing, int dimension) {
        int offset = grid.offset(dimension);
        long[] ofExpert = IntStream.range(0, routing.experts().size())
                .mapToLong(
                        expert -> offset + grid.coordinates(routing.uid(expert)).get(dimension))
                .toArray();
        int[] slots = routing.slots();
        long[] places = new long[slots.length];
        for (int slot = 0; slot < slots.length; slot++) {
            places[slot] = slots[slot] == Routing.NOBODY ? offset : ofExpert[slots[slot]];
        }
        return places;
    }

    /** Weight {@code (inFeatures, scores)} and bias {@code (scores)}, which require gradients. */
    public NDList parameters() {
        return new NDList(weight, bias);
    }

    /** The same gate with other weights, such as the copies that a step reads. */
    public GridGate with(NDArray otherWeight, NDArray otherBias) {
        return new GridGate(grid, inFeatures, otherWeight, otherBias);
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
