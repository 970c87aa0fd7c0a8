package dev.hivemind.moe.gating;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.dht.expert.ExpertUid;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Cells in which experts may lie, in any number of dimensions; most of them may be empty. A gate gives one score to each
 * index of each dimension, all in one row, and the score of a cell is the sum of those of its coordinates.
 *
 * @param prefix what the uids of all experts of the grid begin with
 * @param sizes of the dimensions, 1 to {@value #MAX_DIMENSIONS} of them, the first coordinate's first
 */
public record ExpertGrid(ExpertPrefix prefix, List<Integer> sizes) {

    /** The most dimensions. */
    public static final int MAX_DIMENSIONS = 8;

    /** The most scores of one row. */
    public static final int MAX_SCORES = 1 << 20;

    private static final Pattern NOTATION = Pattern.compile("(.+?\\.)(\\[0:[1-9]\\d{0,6}](?:\\.\\[0:[1-9]\\d{0,6}])*)");
    private static final Pattern RANGE = Pattern.compile("\\[0:(\\d+)]");

    /** @throws IllegalArgumentException if there are too many dimensions or scores, or an empty dimension */
    public ExpertGrid {
        requireNonNull(prefix, "prefix");
        sizes = List.copyOf(sizes);
        if (sizes.isEmpty() || sizes.size() > MAX_DIMENSIONS) {
            throw new IllegalArgumentException(
                    "A grid has 1 to %d dimensions, not %d".formatted(MAX_DIMENSIONS, sizes.size()));
        }
        if (sizes.stream().anyMatch(size -> size < 1)) {
            throw new IllegalArgumentException("A dimension of a grid has at least one cell: " + sizes);
        }
        if (sizes.stream().mapToLong(Integer::longValue).sum() > MAX_SCORES) {
            throw new IllegalArgumentException(
                    "The dimensions of a grid have at most %d indices in all: %s".formatted(MAX_SCORES, sizes));
        }
    }

    /** A grid below a prefix, such as {@code ffn} or {@code ffn.3}; a last dot may be left out. */
    public static ExpertGrid of(String prefix, int... sizes) {
        return new ExpertGrid(
                new ExpertPrefix(prefix.endsWith(".") ? prefix : prefix + "."),
                Arrays.stream(sizes).boxed().toList());
    }

    /**
     * A grid as it is written down, such as {@code ffn.[0:32].[0:32]}.
     *
     * @throws IllegalArgumentException with a message for people, if it is written otherwise
     */
    public static ExpertGrid parse(String notation) {
        Matcher matcher = NOTATION.matcher(notation);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "'%s' is no grid of experts. Write NAME.[0:SIZE] or NAME.[0:SIZE].[0:SIZE], for example ffn.[0:32].[0:32]"
                            .formatted(notation));
        }
        List<Integer> sizes = RANGE.matcher(matcher.group(2))
                .results()
                .map(range -> Integer.valueOf(range.group(1)))
                .toList();
        return new ExpertGrid(new ExpertPrefix(matcher.group(1)), sizes);
    }

    /** How many coordinates follow the prefix. */
    public int dimensions() {
        return sizes.size();
    }

    /** Scores of one row: the sum of the sizes. */
    public int scores() {
        return offset(sizes.size());
    }

    /** Where the scores of a dimension begin in a row. */
    public int offset(int dimension) {
        int offset = 0;
        for (int before = 0; before < dimension; before++) {
            offset += sizes.get(before);
        }
        return offset;
    }

    /** How many experts the grid can hold; {@link Long#MAX_VALUE} if that is more than a long can say. */
    public long cells() {
        long cells = 1;
        for (int size : sizes) {
            if (cells > Long.MAX_VALUE / size) {
                return Long.MAX_VALUE;
            }
            cells *= size;
        }
        return cells;
    }

    /**
     * The name of a cell.
     *
     * @param number counts cells as they are read, the last coordinate fastest
     * @throws IndexOutOfBoundsException if there are not that many
     */
    public ExpertUid cell(long number) {
        Objects.checkIndex(number, cells());
        var coordinates = new StringBuilder();
        long rest = number;
        for (int dimension = sizes.size() - 1; dimension >= 0; dimension--) {
            coordinates.insert(0, rest % sizes.get(dimension)).insert(0, dimension == 0 ? "" : ".");
            rest /= sizes.get(dimension);
        }
        return new ExpertUid(prefix.value() + coordinates);
    }

    /** Whether an expert of this name lies in the grid. */
    public boolean contains(ExpertUid uid) {
        if (!uid.value().startsWith(prefix.value())) {
            return false;
        }
        List<Integer> coordinates = coordinates(uid);
        if (coordinates.size() != sizes.size()) {
            return false;
        }
        for (int dimension = 0; dimension < sizes.size(); dimension++) {
            if (coordinates.get(dimension) >= sizes.get(dimension)) {
                return false;
            }
        }
        return true;
    }

    /** The coordinates behind the prefix, which the uid begins with. */
    public List<Integer> coordinates(ExpertUid uid) {
        List<Integer> all = uid.coordinates();
        int inPrefix = (int) prefix.value().chars().filter(c -> c == '.').count() - 1;
        return all.subList(inPrefix, all.size());
    }

    /**
     * The score of a cell.
     *
     * @param scores rows of {@link #scores()} numbers
     * @param row which of them
     */
    public float score(ExpertUid uid, float[] scores, int row) {
        List<Integer> coordinates = coordinates(uid);
        int first = row * scores();
        float sum = 0;
        for (int dimension = 0; dimension < sizes.size(); dimension++) {
            sum += scores[first + coordinates.get(dimension)];
            first += sizes.get(dimension);
        }
        return sum;
    }

    /**
     * How many rows of scores there are.
     *
     * @throws IllegalArgumentException if there is none, or only a part of one
     */
    public int rows(float[] scores) {
        int width = scores();
        if (scores.length == 0 || scores.length % width != 0) {
            throw new IllegalArgumentException(
                    "%d scores are not rows of %d, which is what %s has".formatted(scores.length, width, this));
        }
        return scores.length / width;
    }

    /**
     * Checks how many experts are wanted of the grid.
     *
     * @throws IllegalArgumentException if there cannot be that many
     */
    public void requireHolds(int kBest) {
        if (kBest < 1 || kBest > cells()) {
            throw new IllegalArgumentException(
                    "kBest lies between 1 and the grid size %d, not %d: choose fewer experts, or a larger grid than %s"
                            .formatted(cells(), kBest, this));
        }
    }

    /** The dimensions as {@link #parse} reads them. */
    @Override
    public String toString() {
        List<String> ranges = new ArrayList<>();
        sizes.forEach(size -> ranges.add("[0:" + size + "]"));
        return prefix.value() + ranges.stream().collect(Collectors.joining("."));
    }
}
