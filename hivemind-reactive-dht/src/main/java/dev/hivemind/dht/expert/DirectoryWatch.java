package dev.hivemind.dht.expert;

import dev.hivemind.dht.expert.DirectoryChange.Kind;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/** Compares what is declared under a prefix with what was declared before. Not thread-safe: one for each watcher. */
final class DirectoryWatch {

    private Map<Where, ExpertDescriptor> before = Map.of();

    /** What has changed since the last call; at the first, everybody joins. */
    List<DirectoryChange> update(SortedMap<Integer, List<ExpertDescriptor>> successors) {
        Map<Where, ExpertDescriptor> now = new LinkedHashMap<>();
        successors.forEach((coordinate, owners) ->
                owners.forEach(expert -> now.put(new Where(coordinate, expert.peerId()), expert)));
        List<DirectoryChange> changes = new ArrayList<>();
        before.forEach((where, expert) -> {
            if (!now.containsKey(where)) {
                changes.add(new DirectoryChange(Kind.LEFT, where.coordinate(), expert));
            }
        });
        now.forEach((where, expert) -> {
            ExpertDescriptor old = before.get(where);
            if (old == null) {
                changes.add(new DirectoryChange(Kind.JOINED, where.coordinate(), expert));
            } else if (!old.equals(expert)) {
                changes.add(new DirectoryChange(Kind.CHANGED, where.coordinate(), expert));
            }
        });
        before = now;
        return changes;
    }

    private record Where(int coordinate, PeerId owner) {}
}
