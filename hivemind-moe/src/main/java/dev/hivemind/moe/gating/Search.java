package dev.hivemind.moe.gating;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * One search for all rows of a batch. In every dimension there are lines, which rows share, and a beam for each row that
 * names places in them. Used by one thread at a time.
 */
final class Search {

    private final ExpertGrid grid;
    private final float[] scores;
    private final int rows;
    private final int kBest;
    private final Bans bans;
    private final List<List<Line>> linesByDimension = new ArrayList<>();
    private final List<Beam[]> beamsByDimension = new ArrayList<>();

    /** For each line of the latest dimension and place in it, the number of the line below; filled by need. */
    private int[][] below = {};

    Search(ExpertGrid grid, float[] scores, int rows, int kBest, Availability availability) {
        this.grid = grid;
        this.scores = scores;
        this.rows = rows;
        this.kBest = kBest;
        this.bans = new Bans(availability);
    }

    /**
     * Takes the line behind the grid's prefix.
     *
     * @throws PeerUnavailableException if nobody is there
     * @throws GridMismatchException if nobody there fits the grid
     */
    void begin(Line first) {
        requireSomebody(first);
        linesByDimension.add(List.of(first));
    }

    private void requireSomebody(Line first) {
        if (first.isEmpty() && first.misfit() == null) {
            throw new PeerUnavailableException(
                    "The DHT knows no experts below '%s'. Is a server running, and is that the prefix of its experts?"
                            .formatted(grid.prefix()));
        }
        if (first.isEmpty()) {
            throw new GridMismatchException(
                    "No expert below '%s' lies in %s, but %s is declared. Give the grid as many dimensions as its experts have coordinates, large enough for them"
                            .formatted(grid.prefix(), grid, first.misfit()));
        }
    }

    boolean isLastDimension() {
        return beamsByDimension.size() == grid.dimensions();
    }

    /**
     * Chooses the best places of the latest lines, for every row.
     *
     * @throws PeerUnavailableException if nobody may be called
     */
    void expand() {
        int dimension = beamsByDimension.size();
        List<Line> lines = linesByDimension.get(dimension);
        boolean[][] open = bans.open(lines, dimension == grid.dimensions() - 1, kBest);
        requireOpen(open, dimension);
        Beam[] beams = new Beam[rows];
        for (int row = 0; row < rows; row++) {
            beams[row] = new Beam(kBest);
            int first = row * grid.scores() + grid.offset(dimension);
            if (dimension > 0) {
                expandBelow(beamsByDimension.get(dimension - 1)[row], beams[row], lines, open, first);
            } else if (isJudged(first)) {
                expand(beams[row], 0, lines.get(0), open[0], first, 0);
            }
        }
        beamsByDimension.add(beams);
    }

    private void requireOpen(boolean[][] open, int dimension) {
        if (dimension == 0 && IntStream.range(0, open[0].length).noneMatch(place -> open[0][place])) {
            throw new PeerUnavailableException("Nobody below '%s' may be called".formatted(grid.prefix()));
        }
    }

    /** Of scores that are no numbers none is the best: such a row gets nobody, and disturbs no other. */
    private boolean isJudged(int firstScore) {
        int end = firstScore + grid.scores();
        for (int i = firstScore; i < end; i++) {
            if (Float.isNaN(scores[i]) || scores[i] == Float.POSITIVE_INFINITY) {
                return false;
            }
        }
        return true;
    }

    private void expandBelow(Beam above, Beam beam, List<Line> lines, boolean[][] open, int firstScore) {
        for (int rank = 0; rank < above.size(); rank++) {
            int line = below[above.line(rank)][above.place(rank)];
            expand(beam, line, lines.get(line), open[line], firstScore, above.score(rank));
        }
    }

    private void expand(Beam beam, int number, Line line, boolean[] open, int firstScore, float scoreAbove) {
        int[] coordinates = line.coordinates();
        for (int place = 0; place < coordinates.length; place++) {
            float score = scores[firstScore + coordinates[place]];
            if (open[place] && score != Float.NEGATIVE_INFINITY) {
                beam.offer(scoreAbove + score, number, place);
            }
        }
    }

    /** The distinct prefixes that the latest beams name. */
    List<ExpertPrefix> prefixes() {
        List<Line> lines = linesByDimension.get(linesByDimension.size() - 1);
        List<ExpertPrefix> prefixes = new ArrayList<>();
        below = lines.stream().map(line -> new int[line.size()]).toArray(int[][]::new);
        for (int[] places : below) {
            Arrays.fill(places, -1);
        }
        for (Beam beam : beamsByDimension.get(beamsByDimension.size() - 1)) {
            for (int rank = 0; rank < beam.size(); rank++) {
                int[] places = below[beam.line(rank)];
                if (places[beam.place(rank)] < 0) {
                    places[beam.place(rank)] = prefixes.size();
                    Line line = lines.get(beam.line(rank));
                    prefixes.add(line.prefix().child(line.coordinates()[beam.place(rank)]));
                }
            }
        }
        return prefixes;
    }

    /** Takes the lines of these prefixes, in their order. */
    void descend(List<Line> lines) {
        linesByDimension.add(lines);
    }

    /** The best experts of every row. Those that were found come first: an exemplar may name an earlier owner. */
    Routing result() {
        var routing = new Routing.Builder(rows, kBest);
        int[] found = new int[rows];
        for (int row = 0; row < rows; row++) {
            found[row] = addFound(routing, row);
        }
        for (int row = 0; row < rows; row++) {
            if (found[row] < kBest && grid.dimensions() > 1) {
                addExemplars(routing, row, found[row]);
            }
        }
        return routing.build();
    }

    private int addFound(Routing.Builder routing, int row) {
        int last = grid.dimensions() - 1;
        Beam beam = beamsByDimension.get(last)[row];
        for (int rank = 0; rank < beam.size(); rank++) {
            Line line = linesByDimension.get(last).get(beam.line(rank));
            routing.add(row, rank, bans.callable(line.experts().get(beam.place(rank))));
        }
        return beam.size();
    }

    /** Fills up with the experts by which the prefixes of the row were declared. */
    private void addExemplars(Routing.Builder routing, int row, int firstRank) {
        Map<ExpertUid, ExpertDescriptor> exemplars = exemplars(row);
        List<ExpertDescriptor> best = exemplars.values().stream()
                .filter(expert -> grid.score(expert.uid(), scores, row) != Float.NEGATIVE_INFINITY)
                .sorted((a, b) -> Float.compare(grid.score(b.uid(), scores, row), grid.score(a.uid(), scores, row)))
                .limit(kBest - firstRank)
                .toList();
        for (int i = 0; i < best.size(); i++) {
            routing.add(row, firstRank + i, List.of(best.get(i)));
        }
    }

    private Map<ExpertUid, ExpertDescriptor> exemplars(int row) {
        Set<ExpertUid> found = foundBy(row);
        Map<ExpertUid, ExpertDescriptor> exemplars = new LinkedHashMap<>();
        for (int dimension = 0; dimension < grid.dimensions() - 1; dimension++) {
            Beam beam = beamsByDimension.get(dimension)[row];
            for (int rank = 0; rank < beam.size(); rank++) {
                Line line = linesByDimension.get(dimension).get(beam.line(rank));
                line.experts().get(beam.place(rank)).stream()
                        .filter(bans::isCallable)
                        .filter(expert -> !found.contains(expert.uid()))
                        .forEach(expert -> exemplars.putIfAbsent(expert.uid(), expert));
            }
        }
        return exemplars;
    }

    private Set<ExpertUid> foundBy(int row) {
        int last = grid.dimensions() - 1;
        Beam beam = beamsByDimension.get(last)[row];
        Set<ExpertUid> found = new HashSet<>();
        for (int rank = 0; rank < beam.size(); rank++) {
            Line line = linesByDimension.get(last).get(beam.line(rank));
            found.add(line.experts().get(beam.place(rank)).get(0).uid());
        }
        return found;
    }
}
