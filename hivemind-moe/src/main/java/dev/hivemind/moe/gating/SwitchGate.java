package dev.hivemind.moe.gating;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A gate that turns logits into probabilities, dimension by dimension: that of an expert is the product of those of its
 * coordinates (Fedus, Zoph and Shazeer 2021, on a product-key grid). In training it looks at samples through a little
 * noise, and may leave indices out by chance. Used by one thread at a time.
 */
public final class SwitchGate {

    /** Stands for minus infinity, and gives no NaN. */
    private static final float DROPPED = -1e30f;

    private final ExpertGrid grid;
    private final GridGate gate;
    private final double jitter;
    private final double keep;
    private final SplittableRandom random;

    /**
     * A gate around a linear one.
     *
     * @param jitter how far factors on features lie from one at most, from 0 to below 1
     * @param keep the chance of each index to take part, above 0 and up to 1
     */
    public SwitchGate(ExpertGrid grid, GridGate gate, double jitter, double keep, long seed) {
        if (!(jitter >= 0 && jitter < 1)) {
            throw new IllegalArgumentException("jitter lies from 0 to below 1, not " + jitter);
        }
        if (!(keep > 0 && keep <= 1)) {
            throw new IllegalArgumentException(
                    "gridDropout is the chance of an index to be kept, above 0 and up to 1, not " + keep);
        }
        this.grid = grid;
        this.gate = gate;
        this.jitter = jitter;
        this.keep = keep;
        this.random = new SplittableRandom(seed);
    }

    private SwitchGate(SwitchGate noise, GridGate gate) {
        this.grid = noise.grid;
        this.gate = gate;
        this.jitter = noise.jitter;
        this.keep = noise.keep;
        this.random = noise.random;
    }

    /** A gate around another linear one of the same grid, which draws its noise from the same source as this. */
    public SwitchGate with(GridGate other) {
        return new SwitchGate(this, other);
    }

    /**
     * What the gate thinks of a batch.
     *
     * @param samples of shape {@code (rows, …, inFeatures)}, which stay as they are
     * @param training whether there is noise
     */
    public Opinion judge(NDArray samples, boolean training) {
        NDManager manager = samples.getManager();
        NDArray averages = gate.averages(samples);
        NDArray seen = training && jitter > 0 ? averages.mul(noise(manager, averages.getShape())) : averages;
        NDArray logits = gate.logits(seen);
        float[] dropped = training && keep < 1 ? dropped() : null;
        NDList logProbabilities = new NDList();
        for (int dimension = 0; dimension < grid.dimensions(); dimension++) {
            logProbabilities.add(logProbabilities(manager, logits, dropped, dimension));
        }
        return new Opinion(gate, grid, logProbabilities, dropped);
    }

    private NDArray logProbabilities(NDManager manager, NDArray logits, float @Nullable [] dropped, int dimension) {
        int offset = grid.offset(dimension);
        int end = offset + grid.sizes().get(dimension);
        NDArray part = logits.get(":, " + offset + ":" + end);
        if (dropped != null) {
            part = part.add(manager.create(Arrays.copyOfRange(dropped, offset, end)));
        }
        return part.logSoftmax(1);
    }

    private NDArray noise(NDManager manager, Shape shape) {
        float[] factors = new float[Math.toIntExact(shape.size())];
        for (int i = 0; i < factors.length; i++) {
            factors[i] = (float) random.nextDouble(1 - jitter, 1 + jitter);
        }
        return manager.create(factors, shape);
    }

    /** What to add to logits; one index of each dimension is always kept. */
    private float[] dropped() {
        float[] dropped = new float[grid.scores()];
        for (int dimension = 0; dimension < grid.dimensions(); dimension++) {
            int offset = grid.offset(dimension);
            int size = grid.sizes().get(dimension);
            int kept = offset + random.nextInt(size);
            for (int index = offset; index < offset + size; index++) {
                dropped[index] = index == kept || random.nextDouble() < keep ? 0 : DROPPED;
            }
        }
        return dropped;
    }

    /** Probabilities of a batch, part of the graph of its samples. */
    public static final class Opinion {

        private final GridGate gate;
        private final ExpertGrid grid;
        private final NDList logProbabilities;
        private final float @Nullable [] dropped;

        private Opinion(GridGate gate, ExpertGrid grid, NDList logProbabilities, float @Nullable [] dropped) {
            this.gate = gate;
            this.grid = grid;
            this.logProbabilities = logProbabilities;
            this.dropped = dropped;
        }

        /** Logarithms of probabilities as rows of scores; negative infinity for what was left out. */
        public float[] scores() {
            float[] scores = all().toFloatArray();
            if (dropped != null) {
                for (int i = 0; i < scores.length; i++) {
                    scores[i] = dropped[i % dropped.length] == 0 ? scores[i] : Float.NEGATIVE_INFINITY;
                }
            }
            return scores;
        }

        private NDArray all() {
            NDArray all = logProbabilities.head();
            for (int dimension = 1; dimension < grid.dimensions(); dimension++) {
                all = all.concat(logProbabilities.get(dimension), 1);
            }
            return all;
        }

        /** The probabilities of the experts that were chosen, of shape {@code (rows, width)}. */
        public NDArray slotProbabilities(Routing routing) {
            return gate.slotLogits(all(), routing).exp();
        }

        /**
         * How unevenly the grid is used: for each dimension its size times the sum of utilization times average
         * probability. Falls when the gate prefers what is used less, and is the number of dimensions when all is even.
         *
         * @param shares of the indices of all dimensions, as {@link GridUtilization#shares()} has them
         * @return a scalar, whose gradient reaches the gate through the probabilities
         */
        public NDArray balancingLoss(float[] shares) {
            NDManager manager = logProbabilities.head().getManager();
            NDArray loss = null;
            for (int dimension = 0; dimension < grid.dimensions(); dimension++) {
                int offset = grid.offset(dimension);
                int size = grid.sizes().get(dimension);
                float[] weights = new float[size];
                for (int i = 0; i < size; i++) {
                    weights[i] = size * shares[offset + i];
                }
                NDArray part = logProbabilities
                        .get(dimension)
                        .exp()
                        .mean(new int[] {0})
                        .mul(manager.create(weights))
                        .sum();
                loss = loss == null ? part : loss.add(part);
            }
            return requireNonNull(loss);
        }
    }
}
