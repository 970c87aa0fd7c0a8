package dev.hivemind.dht.storage;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.NodeId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
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
        if (!lifetimes.isAlive(record.expiresAt())) {
            return PutResult.EXPIRED;
        } else if (lifetimes.isTooLong(record.expiresAt())) {
            return PutResult.TOO_LONG_LIVED;
        }
        purge();
        NodeId distance = self.distance(record.key().target());
        Slot old = byDistance.get(distance);
        DhtValue value = old == null ? record.asValue() : old.value().merge(record.asValue());
        if (old != null && value == old.value()) {
            return PutResult.STALE;
        }
        return put(old, new Slot(distance, record.key(), value));
    }

    private PutResult put(@Nullable Slot old, Slot updated) {
        DhtValue value = updated.value();
        if (value.recordCount() > DictionaryRecord.MAX_ENTRIES || value.sizeBytes() > DictionaryRecord.MAX_BYTES) {
            return PutResult.TOO_LARGE;
        }
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
        Slot slot = byDistance.get(self.distance(target));
        return slot == null ? null : slot.value().retain(lifetimes::isAlive);
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
