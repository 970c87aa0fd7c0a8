package dev.hivemind.launcher.server;

import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.gating.ExpertGrid;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What the experts of a server are called.
 *
 * @param count how many experts to host
 * @param prefix what uids start with, without the last dot, when there is no grid
 * @param grid whose cells the experts are; null if they are only numbered
 * @param firstIndex the number of the first expert; null for free cells of the grid, or 0 without one
 * @param names of all experts; empty if they follow from the others
 */
record UidOptions(
        int count,
        String prefix,
        @Nullable ExpertGrid grid,
        @Nullable Integer firstIndex,
        List<ExpertUid> names) {

    /** The grid of which free cells are to be chosen; null if all names are known. */
    @Nullable ExpertGrid gridToChooseFrom() {
        return firstIndex == null ? grid : null;
    }

    /** The names, when they are known. */
    List<ExpertUid> uids() {
        if (!names.isEmpty()) {
            return names;
        }
        int first = firstIndex == null ? 0 : firstIndex;
        List<ExpertUid> uids = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            uids.add(grid == null ? new ExpertUid(prefix + "." + (first + i)) : grid.cell(first + i));
        }
        return uids;
    }

    /** The number that an expert has among all that there can be, on whatever server. */
    long number(ExpertUid uid) {
        if (!names.isEmpty()) {
            return uid.value().hashCode();
        }
        if (grid == null) {
            return uid.coordinate();
        }
        long number = 0;
        List<Integer> coordinates = grid.coordinates(uid);
        for (int dimension = 0; dimension < grid.dimensions(); dimension++) {
            number = number * grid.sizes().get(dimension) + coordinates.get(dimension);
        }
        return number;
    }

    /** Where the experts lie, for people and programs. */
    String space() {
        if (!names.isEmpty()) {
            return names.stream().map(ExpertUid::value).collect(Collectors.joining(","));
        }
        return grid == null ? prefix : grid.toString();
    }
}
