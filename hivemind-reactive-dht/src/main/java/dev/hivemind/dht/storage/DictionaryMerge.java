package dev.hivemind.dht.storage;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.NodeId;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * A dictionary while records are put into it, one by one and never beyond the bounds of a dictionary. The old dictionary
 * is copied once, however many records are put. Not thread-safe.
 *
 * <p>Who keeps records for others gives each name a few seats, and who came first stays: no later owner, whatever its id,
 * drives out one that keeps its entry alive. What is merged from several keepers is not cut down again, or those of one
 * keeper who was deceived could drive out those of all others.
 */
final class DictionaryMerge {

    private final SortedMap<ByteString, PlainRecord> entries = DictionaryRecord.emptyEntries();
    private int bytes;
    private final boolean seated;
    private boolean changed;

    private DictionaryMerge(@Nullable DictionaryRecord old, boolean seated) {
        this.seated = seated;
        if (old != null) {
            entries.putAll(old.entries());
            bytes = old.sizeBytes();
        }
    }

    /** For who keeps records: starts from what is kept, or from nothing. */
    static DictionaryMerge keeping(@Nullable DictionaryRecord old) {
        return new DictionaryMerge(old, true);
    }

    /** For who reads what others keep. */
    static DictionaryMerge reading(DictionaryRecord old) {
        return new DictionaryMerge(old, false);
    }

    /** Puts a record if it is newer than what is there and fits: stored, stale or too large. */
    PutResult put(ByteString subkey, PlainRecord record) {
        PlainRecord old = entries.get(subkey);
        if (old != null && record.compareTo(old) <= 0) {
            return PutResult.STALE;
        }
        if (seated && old == null && record.owned() != null && !hasSeat(subkey)) {
            return PutResult.CROWDED;
        }
        int count = entries.size() + (old == null ? 1 : 0);
        int size = bytes + record.sizeBytes() + (old == null ? subkey.size() : -old.sizeBytes());
        if (count > DictionaryRecord.MAX_ENTRIES || size > DictionaryRecord.MAX_BYTES) {
            return PutResult.TOO_LARGE;
        }
        entries.put(subkey, record);
        bytes = size;
        changed = true;
        return PutResult.STORED;
    }

    /** Whether one more owner may have an entry of this name. Withdrawn ones hold no seat, but are not kept without end. */
    private boolean hasSeat(ByteString subkey) {
        if (subkey.size() < NodeId.BYTES) {
            return true;
        }
        ByteString name = subkey.substring(0, subkey.size() - NodeId.BYTES);
        int owners = 0;
        int withdrawn = 0;
        for (var entry : entries.tailMap(name).entrySet()) {
            if (!entry.getKey().startsWith(name)) {
                break;
            } else if (entry.getKey().size() == subkey.size()
                    && entry.getValue().isTombstone()) {
                withdrawn++;
            } else if (entry.getKey().size() == subkey.size()
                    && entry.getValue().owned() != null) {
                owners++;
            }
        }
        return owners < DictionaryRecord.MAX_OWNERS && owners + withdrawn < 2 * DictionaryRecord.MAX_OWNERS;
    }

    /** The dictionary now, or null if nothing was stored. */
    @Nullable DictionaryRecord changed() {
        return changed ? DictionaryRecord.of(entries) : null;
    }
}
