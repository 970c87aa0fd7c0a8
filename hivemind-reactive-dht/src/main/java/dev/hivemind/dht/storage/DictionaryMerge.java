package dev.hivemind.dht.storage;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.NodeId;
import java.util.Comparator;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * A dictionary while records are put into it, one by one and never beyond the bounds of a dictionary. The old dictionary
 * is copied once, however many records are put. Not thread-safe.
 */
final class DictionaryMerge {

    private static final Comparator<ByteString> LEAST_FIRST = ByteString.unsignedLexicographicalComparator();

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
        ByteString rival = old == null && record.owned() != null ? rival(subkey) : null;
        if (rival != null && LEAST_FIRST.compare(rival, subkey) < 0) {
            return PutResult.CROWDED;
        }
        PlainRecord leaving = rival == null ? old : entries.get(rival);
        int count = entries.size() + (leaving == null ? 1 : 0);
        int size = bytes + record.sizeBytes() + (leaving == null ? subkey.size() : -leaving.sizeBytes());
        if (count > DictionaryRecord.MAX_ENTRIES || size > DictionaryRecord.MAX_BYTES) {
            return PutResult.TOO_LARGE;
        }
        if (rival != null) {
            entries.remove(rival);
        }
        entries.put(subkey, record);
        bytes = size;
        changed = true;
        return PutResult.STORED;
    }

    /** The entry of the same name whose owner's id is the greatest, if there are already as many owners as there can be. */
    private @Nullable ByteString rival(ByteString subkey) {
        if (subkey.size() < NodeId.BYTES) {
            return null;
        }
        ByteString name = subkey.substring(0, subkey.size() - NodeId.BYTES);
        int owners = 0;
        ByteString greatest = null;
        for (var entry : entries.tailMap(name).entrySet()) {
            if (!entry.getKey().startsWith(name)) {
                break;
            } else if (entry.getKey().size() == subkey.size()
                    && entry.getValue().owned() != null) {
                owners++;
                greatest = entry.getKey();
            }
        }
        return owners >= DictionaryRecord.MAX_OWNERS ? greatest : null;
    }

    /** The dictionary now, or null if nothing was stored. */
    @Nullable DictionaryRecord changed() {
        return changed ? DictionaryRecord.of(entries) : null;
    }
}
