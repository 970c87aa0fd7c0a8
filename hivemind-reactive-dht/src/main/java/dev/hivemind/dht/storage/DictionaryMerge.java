package dev.hivemind.dht.storage;

import com.google.protobuf.ByteString;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * A dictionary while records are put into it, one by one and never beyond the bounds of a dictionary. The old dictionary
 * is copied once, however many records are put. Not thread-safe.
 */
final class DictionaryMerge {

    private final SortedMap<ByteString, PlainRecord> entries = DictionaryRecord.emptyEntries();
    private int bytes;
    private boolean changed;

    /** Starts from an old dictionary, or from an empty one. */
    DictionaryMerge(@Nullable DictionaryRecord old) {
        if (old != null) {
            entries.putAll(old.entries());
            bytes = old.sizeBytes();
        }
    }

    /** Puts a record if it is newer than what is there and fits: stored, stale or too large. */
    PutResult put(ByteString subkey, PlainRecord record) {
        PlainRecord old = entries.get(subkey);
        if (old != null && record.compareTo(old) <= 0) {
            return PutResult.STALE;
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

    /** The dictionary now, or null if nothing was stored. */
    @Nullable DictionaryRecord changed() {
        return changed ? DictionaryRecord.of(entries) : null;
    }
}
