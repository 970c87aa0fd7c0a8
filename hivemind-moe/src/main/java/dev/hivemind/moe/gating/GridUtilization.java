package dev.hivemind.moe.gating;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * How the samples of late were spread over the indices of each dimension of a grid: exponential moving averages of the
 * shares of each batch. Begins with an even spread. Thread-safe.
 */
public final class GridUtilization {

    private final ExpertGrid grid;
    private final double memory;
    private final float[] shares;

    /** @param memory how much of the average stays with each batch, from 0 to below 1 */
    public GridUtilization(ExpertGrid grid, double memory) {
        if (!(memory >= 0 && memory < 1)) {
            throw new IllegalArgumentException("The memory of a moving average lies from 0 to below 1, not " + memory);
        }
        this.grid = grid;
        this.memory = memory;
        this.shares = new float[grid.scores()];
        for (int dimension = 0; dimension < grid.dimensions(); dimension++) {
            int offset = grid.offset(dimension);
            int size = grid.sizes().get(dimension);
            Arrays.fill(shares, offset, offset + size, 1f / size);
        }
    }

    /**
     * Counts a batch. One that nobody answered changes nothing.
     *
     * @param answered which slots of the routing count
     */
    public synchronized void add(Routing routing, boolean[] answered) {
        long total = IntStream.range(0, answered.length)
                .filter(slot -> answered[slot])
                .count();
        if (total == 0) {
            return;
        }
        double[] batch = new double[shares.length];
        for (int expert = 0; expert < routing.experts().size(); expert++) {
            double share = (double) Arrays.stream(routing.slotsOf(expert))
                            .filter(slot -> answered[slot])
                            .count()
                    / total;
            for (int dimension = 0; dimension < grid.dimensions(); dimension++) {
                int index = grid.coordinates(routing.uid(expert)).get(dimension);
                batch[grid.offset(dimension) + index] += share;
            }
        }
        for (int i = 0; i < shares.length; i++) {
            shares[i] = (float) (memory * shares[i] + (1 - memory) * batch[i]);
        }
    }

    /** The shares of all indices, one dimension after the other, each adding up to one. */
    public synchronized float[] shares() {
        return shares.clone();
    }

    /** The shares of the indices of one dimension. */
    public synchronized float[] shares(int dimension) {
        int offset = grid.offset(dimension);
        return Arrays.copyOfRange(shares, offset, offset + grid.sizes().get(dimension));
    }
}
