package dev.hivemind.moe.gating;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The experts chosen for every sample of a batch.
 *
 * <p>Slots are numbered row by row: slot {@code row * width + rank} holds the expert of that rank for that row, best
 * first. Immutable by convention: arrays are handed out for reading.
 */
public final class Routing {

    private final int rows;
    private final int width;
    private final int[] experts;

    private Routing(int rows, int width, int[] experts) {
        this.rows = rows;
        this.width = width;
        this.experts = experts;
    }

    /**
     * The {@code kBest} living experts with the highest scores for every row. Ties go to the lower index.
     *
     * @param scores {@code rows * experts} scores, row-major
     * @param expertCount experts scored per row, alive or not
     * @param alive indices of the experts that may be chosen; not empty
     * @param kBest experts wanted per row; fewer are chosen when fewer are alive
     */
    public static Routing best(float[] scores, int expertCount, Set<Integer> alive, int kBest) {
        if (alive.isEmpty()) {
            throw new IllegalArgumentException("No expert is alive");
        }
        int rows = scores.length / expertCount;
        int width = Math.min(kBest, alive.size());
        int[] candidates = alive.stream().mapToInt(Integer::intValue).sorted().toArray();
        int[] chosen = new int[rows * width];
        for (int row = 0; row < rows; row++) {
            chooseRow(scores, row * expertCount, candidates, chosen, row * width, width);
        }
        return new Routing(rows, width, chosen);
    }

    /** Insertion into a short sorted list: faster than a heap for the handful of experts that a row takes. */
    private static void chooseRow(float[] scores, int offset, int[] candidates, int[] chosen, int start, int width) {
        int taken = 0;
        for (int candidate : candidates) {
            float score = scores[offset + candidate];
            int position = taken;
            while (position > 0 && score > scores[offset + chosen[start + position - 1]]) {
                position--;
            }
            if (position < width) {
                int moved = Math.min(taken, width - 1) - position;
                System.arraycopy(chosen, start + position, chosen, start + position + 1, moved);
                chosen[start + position] = candidate;
                taken = Math.min(taken + 1, width);
            }
        }
    }

    /** Samples in the batch. */
    public int rows() {
        return rows;
    }

    /** Experts chosen per sample. */
    public int width() {
        return width;
    }

    /** The expert in every slot. */
    public int[] experts() {
        return experts;
    }

    /** For every distinct expert, in the order of their indices, the slots that chose it, ascending. */
    public Map<Integer, int[]> slotsByExpert() {
        Map<Integer, List<Integer>> slots = IntStream.range(0, experts.length)
                .boxed()
                .collect(Collectors.groupingBy(slot -> experts[slot], TreeMap::new, Collectors.toList()));
        Map<Integer, int[]> arrays = new TreeMap<>();
        slots.forEach((expert, chosen) ->
                arrays.put(expert, chosen.stream().mapToInt(Integer::intValue).toArray()));
        return arrays;
    }

    /** The rows that some slots belong to. */
    public int[] rowsOf(int[] slots) {
        return Arrays.stream(slots).map(slot -> slot / width).toArray();
    }
}
