package dev.hivemind.dht.storage;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.NodeId;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
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

    private static final Comparator<Map.Entry<ByteString, PlainRecord>> LAST_TO_EXPIRE = Comparator.comparing(
                    (Map.Entry<ByteString, PlainRecord> entry) ->
                            entry.getValue().expiresAt())
            .reversed();

    private final SortedMap<ByteString, PlainRecord> entries = DictionaryRecord.emptyEntries();
    private List<ByteString> nobodys = List.of();
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
        int entry = old == null ? 1 : 0;
        int size = record.sizeBytes() + (old == null ? subkey.size() : -old.sizeBytes());
        if (!fits(entry, size) && !(record.owned() != null && makesRoom(subkey, entry, size))) {
            return PutResult.TOO_LARGE;
        }
        entries.put(subkey, record);
        bytes += size;
        changed = true;
        return PutResult.STORED;
    }

    private boolean fits(int moreEntries, int moreBytes) {
        return entries.size() + moreEntries <= DictionaryRecord.MAX_ENTRIES
                && bytes + moreBytes <= DictionaryRecord.MAX_BYTES;
    }

    /** Anybody can fill a dictionary with entries that are nobody's; the last to expire of those go first, if that helps. */
    private boolean makesRoom(ByteString subkey, int moreEntries, int moreBytes) {
        Deque<ByteString> victims = new ArrayDeque<>();
        int victimBytes = 0;
        Iterator<ByteString> next = nobodys().iterator();
        while (!fits(moreEntries - victims.size(), moreBytes - victimBytes)) {
            if (!next.hasNext()) {
                return false;
            }
            ByteString victim = next.next();
            PlainRecord record = entries.get(victim);
            if (record != null && record.owned() == null && !victim.equals(subkey)) {
                victims.add(victim);
                victimBytes += victim.size() + record.sizeBytes();
            }
        }
        victims.forEach(victim -> entries.remove(victim));
        bytes -= victimBytes;
        return true;
    }

    /** Computed once, so that many puts into a full dictionary do not sort it again and again. */
    private List<ByteString> nobodys() {
        if (nobodys.isEmpty()) {
            nobodys = entries.entrySet().stream()
                    .filter(entry -> entry.getValue().owned() == null)
                    .sorted(LAST_TO_EXPIRE)
                    .map(Map.Entry::getKey)
                    .toList();
        }
        return nobodys;
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
