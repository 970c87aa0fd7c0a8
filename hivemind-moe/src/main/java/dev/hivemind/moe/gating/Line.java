package dev.hivemind.moe.gating;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.dht.expert.ExpertUid;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * What the DHT says of one prefix: the coordinates that can follow, ascending, each with an expert of every owner that
 * has one there. Experts that do not fit the grid are left out.
 *
 * @param misfit one of those that were left out
 */
record Line(
        ExpertPrefix prefix,
        int[] coordinates,
        List<List<ExpertDescriptor>> experts,
        @Nullable ExpertUid misfit) {

    static Line of(ExpertGrid grid, ExpertPrefix prefix, SortedMap<Integer, List<ExpertDescriptor>> found) {
        List<Integer> coordinates = new ArrayList<>();
        List<List<ExpertDescriptor>> experts = new ArrayList<>();
        ExpertUid misfit = null;
        for (var entry : found.entrySet()) {
            List<ExpertDescriptor> fitting = entry.getValue().stream()
                    .filter(expert -> grid.contains(expert.uid()))
                    .toList();
            if (fitting.isEmpty()) {
                misfit = entry.getValue().get(0).uid();
            } else {
                coordinates.add(entry.getKey());
                experts.add(fitting);
            }
        }
        return new Line(prefix, coordinates.stream().mapToInt(Integer::intValue).toArray(), experts, misfit);
    }

    static Line empty(ExpertPrefix prefix) {
        return new Line(prefix, new int[0], List.of(), null);
    }

    boolean isEmpty() {
        return coordinates.length == 0;
    }

    int size() {
        return coordinates.length;
    }
}
