package dev.hivemind.dht.storage;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.NodeId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Copies of what others keep, for a short time, apart from the records that a node ought to keep: whoever fills it displaces
 * nothing but other copies, those that were used least recently. Not thread-safe: a cache belongs to one loop.
 */
public final class ValueCache {

    private static final int MAX_VALUES = 1_024;
    private static final long MAX_BYTES = 8L << 20;

    private final Lifetimes lifetimes;
    private final Map<NodeId, Copy> copies = new LinkedHashMap<>(64, 0.75f, true);
    private long bytes;

    /** An empty cache. */
    public ValueCache(Lifetimes lifetimes) {
        this.lifetimes = requireNonNull(lifetimes, "lifetimes");
    }

    /** Keeps a copy until a moment at the latest, in place of what was copied before. */
    public void put(DhtKey key, DictionaryRecord value, Instant until) {
        DhtValue acceptable = lifetimes.acceptable(value);
        if (acceptable != null) {
            keep(key.target(), new Copy(key, acceptable, until, false));
        }
    }

    private void keep(NodeId target, Copy copy) {
        forget(target);
        copies.put(target, copy);
        bytes += copy.value().sizeBytes();
        while (copies.size() > MAX_VALUES || bytes > MAX_BYTES) {
            forget(copies.keySet().iterator().next());
        }
    }

    private void forget(NodeId target) {
        Copy old = copies.remove(target);
        bytes -= old == null ? 0 : old.value().sizeBytes();
    }

    /** The copy of what lies at an id, or null; it counts as used. */
    public @Nullable DhtValue get(NodeId target) {
        Copy copy = copies.get(target);
        if (copy == null) {
            return null;
        }
        DhtValue alive = lifetimes.isAlive(copy.until()) ? copy.value().retain(lifetimes::isAlive) : null;
        if (alive == null) {
            forget(target);
        } else if (!copy.used()) {
            copies.put(target, new Copy(copy.key(), copy.value(), copy.until(), true));
        }
        return alive;
    }

    /** The keys of copies that were used since they were put and end before a moment, at most so many. */
    public List<DhtKey> usedUntil(Instant moment, int count) {
        List<DhtKey> due = new ArrayList<>();
        for (Copy copy : copies.values()) {
            if (copy.used() && copy.until().isBefore(moment) && due.size() < count) {
                due.add(copy.key());
            }
        }
        return due;
    }

    private record Copy(DhtKey key, DhtValue value, Instant until, boolean used) {}
}
