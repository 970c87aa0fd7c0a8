package dev.hivemind.moe.gating;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The experts chosen for every row of a batch.
 *
 * <p>Slots are numbered row by row: slot {@code row * width + rank} holds the expert of that rank for that row, best
 * first. Rows for which there were fewer experts end in empty slots. Immutable by convention: arrays are handed out for
 * reading.
 */
public final class Routing {

    /** What an empty slot holds. */
    public static final int NOBODY = -1;

    private final int rows;
    private final int width;
    private final int[] slots;
    private final List<List<ExpertDescriptor>> experts;
    private final int[][] slotsByExpert;

    private Routing(int rows, int width, int[] slots, List<List<ExpertDescriptor>> experts) {
        this.rows = rows;
        this.width = width;
        this.slots = slots;
        this.experts = List.copyOf(experts);
        this.slotsByExpert = invert(slots, experts.size());
    }

    /**
     * A routing that was chosen elsewhere.
     *
     * @param width slots of each row
     * @param rows the experts of each row, best first, at most so many, each as the descriptors of its owners
     */
    public static Routing of(int width, List<List<List<ExpertDescriptor>>> rows) {
        var routing = new Builder(rows.size(), width);
        for (int row = 0; row < rows.size(); row++) {
            for (int rank = 0; rank < rows.get(row).size(); rank++) {
                routing.add(row, rank, rows.get(row).get(rank));
            }
        }
        return routing.build();
    }

    /** Nobody for anybody. */
    public static Routing empty(int rows, int width) {
        return new Builder(rows, width).build();
    }

    /** Counting first, so that nothing is boxed. */
    private static int[][] invert(int[] slots, int experts) {
        int[] counts = new int[experts];
        for (int expert : slots) {
            if (expert != NOBODY) {
                counts[expert]++;
            }
        }
        int[][] inverse = new int[experts][];
        Arrays.setAll(inverse, expert -> new int[counts[expert]]);
        for (int slot = slots.length - 1; slot >= 0; slot--) {
            int expert = slots[slot];
            if (expert != NOBODY) {
                inverse[expert][--counts[expert]] = slot;
            }
        }
        return inverse;
    }

    /** Samples in the batch. */
    public int rows() {
        return rows;
    }

    /** Slots per sample. */
    public int width() {
        return width;
    }

    /** The number of the expert in every slot, or {@link #NOBODY}. */
    public int[] slots() {
        return slots;
    }

    /** The distinct experts by their numbers, each as the descriptors of its owners, of which there is at least one. */
    public List<List<ExpertDescriptor>> experts() {
        return experts;
    }

    /** The name of the expert with this number. */
    public ExpertUid uid(int expert) {
        return experts.get(expert).get(0).uid();
    }

    /** The slots that hold an expert, ascending. */
    public int[] slotsOf(int expert) {
        return slotsByExpert[expert];
    }

    /** The rows that some slots belong to. */
    public int[] rowsOf(int[] someSlots) {
        int[] rowNumbers = new int[someSlots.length];
        Arrays.setAll(rowNumbers, i -> someSlots[i] / width);
        return rowNumbers;
    }

    /** The names of the experts of a row, best first. */
    public List<ExpertUid> uids(int row) {
        return IntStream.range(row * width, (row + 1) * width)
                .filter(slot -> slots[slot] != NOBODY)
                .mapToObj(slot -> uid(slots[slot]))
                .toList();
    }

    /** Collects the experts of one row after the other. */
    static final class Builder {

        private final int rows;
        private final int width;
        private final int[] slots;
        private final Map<ExpertUid, Integer> numbers = new LinkedHashMap<>();
        private final List<List<ExpertDescriptor>> experts = new ArrayList<>();

        Builder(int rows, int width) {
            this.rows = rows;
            this.width = width;
            this.slots = new int[rows * width];
            Arrays.fill(slots, NOBODY);
        }

        /** Puts an expert behind those that the row has. */
        void add(int row, int rank, List<ExpertDescriptor> owners) {
            ExpertUid uid = owners.get(0).uid();
            Integer number = numbers.get(uid);
            if (number == null) {
                number = experts.size();
                numbers.put(uid, number);
                experts.add(owners);
            }
            slots[row * width + rank] = number;
        }

        Routing build() {
            return new Routing(rows, width, slots, experts);
        }
    }
}
