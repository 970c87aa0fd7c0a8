package dev.hivemind.dht;

import dev.hivemind.dht.routing.NodeId;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where nothing was found a moment ago. Known to this node alone: an absence that others could spread would be a way to
 * hide what exists. Confined to the node's loop.
 */
final class Absences {

    /** For how long nobody is asked again. */
    static final Duration TTL = Duration.ofSeconds(1);

    private static final int MAX_ABSENCES = 4_096;

    private final Map<NodeId, Instant> until = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<NodeId, Instant> eldest) {
            return size() > MAX_ABSENCES;
        }
    };

    /** How many stores of this node were acknowledged so far: a search that began earlier may have missed the last. */
    private long stores;

    long stores() {
        return stores;
    }

    /** A search found nothing that began after so many stores. */
    void add(NodeId target, Instant now, long storesBefore) {
        if (storesBefore == stores) {
            until.remove(target);
            until.put(target, now.plus(TTL));
        }
    }

    /** This node has stored something. */
    void stored(NodeId target) {
        stores++;
        until.remove(target);
    }

    boolean contains(NodeId target, Instant now) {
        Instant end = until.get(target);
        if (end != null && !now.isBefore(end)) {
            until.remove(target);
            return false;
        }
        return end != null;
    }
}
