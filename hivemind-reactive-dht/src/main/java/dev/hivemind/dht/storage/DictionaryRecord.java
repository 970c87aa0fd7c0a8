package dev.hivemind.dht.storage;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.NodeId;
import java.time.Instant;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Records under one key, told apart by their subkeys, each with an expiry of its own. At least one. Immutable. */
public final class DictionaryRecord implements DhtValue {

    /** The longest subkey. */
    public static final int MAX_SUBKEY_BYTES = 256;

    /** The most subkeys under one key. */
    public static final int MAX_ENTRIES = 1024;

    /** The most bytes of subkeys and values under one key. */
    public static final int MAX_BYTES = 256 * 1024;

    /** The longest name of an entry that belongs to somebody: the rest of its subkey is the owner's id. */
    public static final int MAX_NAME_BYTES = MAX_SUBKEY_BYTES - NodeId.BYTES;

    /** How many owners can have entries of one name under one key at who keeps them; those who came first stay. */
    public static final int MAX_OWNERS = 4;

    private final SortedMap<ByteString, PlainRecord> entries;
    private final Instant expiresAt;
    private final Instant nextExpiry;
    private final int sizeBytes;

    private DictionaryRecord(
            SortedMap<ByteString, PlainRecord> entries, Instant expiresAt, Instant nextExpiry, int sizeBytes) {
        this.entries = Collections.unmodifiableSortedMap(entries);
        this.expiresAt = expiresAt;
        this.nextExpiry = nextExpiry;
        this.sizeBytes = sizeBytes;
    }

    /**
     * A dictionary of these records.
     *
     * @throws IllegalArgumentException if there is none, or a subkey is too long
     */
    public static DictionaryRecord of(SortedMap<ByteString, PlainRecord> records) {
        if (records.isEmpty()) {
            throw new IllegalArgumentException("A dictionary has at least one entry");
        }
        SortedMap<ByteString, PlainRecord> entries = emptyEntries();
        entries.putAll(records);
        Instant last = Instant.MIN;
        Instant first = Instant.MAX;
        int bytes = 0;
        for (var entry : records.entrySet()) {
            requireSubkey(entry.getKey());
            Instant expiry = entry.getValue().expiresAt();
            last = expiry.isAfter(last) ? expiry : last;
            first = expiry.isBefore(first) ? expiry : first;
            bytes += entry.getKey().size() + entry.getValue().sizeBytes();
        }
        return new DictionaryRecord(entries, last, first, bytes);
    }

    /** A dictionary of one record. */
    public static DictionaryRecord of(ByteString subkey, PlainRecord record) {
        SortedMap<ByteString, PlainRecord> entries = emptyEntries();
        entries.put(subkey, record);
        return of(entries);
    }

    /** An empty map in the order of dictionaries. */
    public static SortedMap<ByteString, PlainRecord> emptyEntries() {
        return new TreeMap<>(ByteString.unsignedLexicographicalComparator());
    }

    static ByteString requireSubkey(ByteString subkey) {
        if (subkey.size() > MAX_SUBKEY_BYTES) {
            throw new IllegalArgumentException(
                    "A subkey has at most %d bytes, not %d".formatted(MAX_SUBKEY_BYTES, subkey.size()));
        }
        return subkey;
    }

    /** The records by subkey, sorted as unsigned bytes; cannot be changed. */
    public SortedMap<ByteString, PlainRecord> entries() {
        return entries;
    }

    @Override
    public Instant expiresAt() {
        return expiresAt;
    }

    @Override
    public Instant nextExpiry() {
        return nextExpiry;
    }

    @Override
    public int sizeBytes() {
        return sizeBytes;
    }

    @Override
    public int recordCount() {
        return entries.size();
    }

    @Override
    public @Nullable DictionaryRecord retain(Predicate<Instant> expiry) {
        SortedMap<ByteString, PlainRecord> kept = emptyEntries();
        entries.forEach((subkey, record) -> {
            if (expiry.test(record.expiresAt())) {
                kept.put(subkey, record);
            }
        });
        if (kept.isEmpty()) {
            return null;
        }
        return kept.size() == entries.size() ? this : of(kept);
    }

    DictionaryRecord mergeEntries(DictionaryRecord other) {
        var merge = DictionaryMerge.reading(this);
        other.entries.forEach(merge::put);
        DictionaryRecord merged = merge.changed();
        return merged == null ? this : merged;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof DictionaryRecord that && entries.equals(that.entries);
    }

    @Override
    public int hashCode() {
        return entries.hashCode();
    }

    @Override
    public String toString() {
        return "DictionaryRecord" + entries;
    }
}
