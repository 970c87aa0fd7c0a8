package dev.hivemind.dht.storage;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.NodeId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The records that a node keeps in memory.
 *
 * <p>Invariants: a put that is refused changes nothing; what is found is alive; neither count nor bytes ever exceed
 * their bounds. When the store is full, the keys farthest from the owner's id give way, and never for a key that lies
 * farther still: neither long lives nor large numbers help to displace the records that belong here. Not thread-safe: a
 * store belongs to one loop.
 */
public final class RecordStore {

    /** Accounted for each key besides its bytes. */
    private static final int KEY_OVERHEAD_BYTES = 128;

    private static final Comparator<Slot> FIRST_TO_EXPIRE = Comparator.<Slot, Instant>comparing(
                    slot -> slot.value().nextExpiry())
            .thenComparing(Slot::distance);

    private final NodeId self;
    private final Lifetimes lifetimes;
    private final int maxRecords;
    private final long maxBytes;
    private final TreeMap<NodeId, Slot> byDistance = new TreeMap<>();
    private final TreeSet<Slot> byExpiry = new TreeSet<>(FIRST_TO_EXPIRE);
    private int records;
    private long bytes;

    /**
     * An empty store.
     *
     * @param self the owner's id
     * @param maxRecords how many records to keep, subkeys counted one by one
     * @param maxBytes how many bytes of keys, subkeys and values to keep
     */
    public RecordStore(NodeId self, Lifetimes lifetimes, int maxRecords, long maxBytes) {
        this.self = requireNonNull(self, "self");
        this.lifetimes = requireNonNull(lifetimes, "lifetimes");
        this.maxRecords = maxRecords;
        this.maxBytes = maxBytes;
    }

    /** Keeps a record if it is newer than what is kept already, and there is room. */
    public PutResult put(DhtRecord record) {
        return putAll(List.of(record)).get(0);
    }

    /**
     * Keeps records that are newer than what is kept already, if there is room: first the plain ones, each by itself,
     * then the entries of each dictionary together. Those cost one copy of the dictionary, and there is room for all of
     * them that are new, or for none.
     *
     * @return one result for each record, in their order
     */
    public List<PutResult> putAll(List<DhtRecord> records) {
        purge();
        PutResult[] results = new PutResult[records.size()];
        Map<DhtKey, List<Integer>> entries = new LinkedHashMap<>();
        for (int i = 0; i < results.length; i++) {
            DhtRecord record = records.get(i);
            if (!lifetimes.isAlive(record.expiresAt())) {
                results[i] = PutResult.EXPIRED;
            } else if (lifetimes.isTooLong(record.expiresAt())) {
                results[i] = PutResult.TOO_LONG_LIVED;
            } else if (record.subkey() == null) {
                results[i] = putPlain(record.key(), record.body());
            } else {
                entries.computeIfAbsent(record.key(), key -> new ArrayList<>()).add(i);
            }
        }
        entries.forEach((key, places) -> putEntries(key, places, records, results));
        return List.of(results);
    }

    private PutResult putPlain(DhtKey key, PlainRecord body) {
        Slot old = slot(key.target());
        return replace(old, key, old == null ? body : old.value().merge(body));
    }

    private void putEntries(DhtKey key, List<Integer> places, List<DhtRecord> records, PutResult[] results) {
        Slot old = slot(key.target());
        DhtValue kept = old == null ? null : old.value();
        var merge = DictionaryMerge.keeping(kept instanceof DictionaryRecord dictionary ? dictionary : null);
        for (int place : places) {
            DhtRecord record = records.get(place);
            results[place] = merge.put(requireNonNull(record.subkey()), record.body());
        }
        DictionaryRecord merged = merge.changed();
        if (merged == null) {
            return;
        }
        PutResult outcome = replace(old, key, kept instanceof PlainRecord plain ? plain.merge(merged) : merged);
        for (int place : places) {
            results[place] = results[place] == PutResult.STORED ? outcome : results[place];
        }
    }

    private PutResult replace(@Nullable Slot old, DhtKey key, DhtValue value) {
        if (old != null && value == old.value()) {
            return PutResult.STALE;
        }
        Slot updated = new Slot(self.distance(key.target()), key, value);
        List<Slot> victims = victims(old, updated);
        if (victims == null) {
            return PutResult.FULL;
        }
        victims.forEach(this::remove);
        if (old != null) {
            remove(old);
        }
        add(updated);
        return PutResult.STORED;
    }

    /** The farthest keys without which there is room, or null if even the new key would have to go. */
    private @Nullable List<Slot> victims(@Nullable Slot old, Slot updated) {
        long excessRecords = (long) records + updated.records() - (old == null ? 0 : old.records()) - maxRecords;
        long excessBytes = bytes + updated.bytes() - (old == null ? 0 : old.bytes()) - maxBytes;
        List<Slot> victims = new ArrayList<>();
        for (Slot farthest : byDistance.descendingMap().values()) {
            if (excessRecords <= 0 && excessBytes <= 0) {
                break;
            } else if (farthest.distance().compareTo(updated.distance()) <= 0) {
                return null;
            }
            victims.add(farthest);
            excessRecords -= farthest.records();
            excessBytes -= farthest.bytes();
        }
        return excessRecords <= 0 && excessBytes <= 0 ? victims : null;
    }

    /** What is kept under the key that lies at an id, or null. */
    public @Nullable DhtValue get(NodeId target) {
        Slot slot = slot(target);
        return slot == null ? null : slot.value().retain(lifetimes::isAlive);
    }

    /** The keys that share so many leading bits with an id, at most so many of them, those nearest to the owner first. */
    public List<DhtKey> keysAround(NodeId id, int bits, int count) {
        NodeId first = self.distance(id).prefix(bits);
        return byDistance.tailMap(first).values().stream()
                .takeWhile(slot -> slot.distance().commonPrefixLength(first) >= bits)
                .limit(count)
                .map(Slot::key)
                .toList();
    }

    /** The records under a key that are alive. */
    public List<DhtRecord> records(DhtKey key) {
        DhtValue value = get(key.target());
        if (value instanceof PlainRecord plain) {
            return List.of(new DhtRecord(key, null, plain));
        } else if (value instanceof DictionaryRecord dictionary) {
            return dictionary.entries().entrySet().stream()
                    .map(entry -> new DhtRecord(key, entry.getKey(), entry.getValue()))
                    .toList();
        }
        return List.of();
    }

    private @Nullable Slot slot(NodeId target) {
        return byDistance.get(self.distance(target));
    }

    /** Forgets what has expired. Called by every put; of use besides only to free memory earlier. */
    public void purge() {
        while (!byExpiry.isEmpty()
                && !lifetimes.isAlive(byExpiry.first().value().nextExpiry())) {
            Slot slot = byExpiry.first();
            remove(slot);
            DhtValue alive = slot.value().retain(lifetimes::isAlive);
            if (alive != null) {
                add(new Slot(slot.distance(), slot.key(), alive));
            }
        }
    }

    private void add(Slot slot) {
        byDistance.put(slot.distance(), slot);
        byExpiry.add(slot);
        records += slot.records();
        bytes += slot.bytes();
    }

    private void remove(Slot slot) {
        byDistance.remove(slot.distance());
        byExpiry.remove(slot);
        records -= slot.records();
        bytes -= slot.bytes();
    }

    /** Whether nothing is kept; what has expired may count until the next put. */
    public boolean isEmpty() {
        return byDistance.isEmpty();
    }

    /** How many records are alive, subkeys counted one by one. */
    public int recordCount() {
        purge();
        return records;
    }

    /** How many bytes the records that are alive take. */
    public long sizeBytes() {
        purge();
        return bytes;
    }

    /** What is kept under one key. */
    private record Slot(NodeId distance, DhtKey key, DhtValue value) {

        int records() {
            return value.recordCount();
        }

        int bytes() {
            return KEY_OVERHEAD_BYTES + key.bytes().size() + value.sizeBytes();
        }
    }
}
