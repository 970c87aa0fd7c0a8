package dev.hivemind.dht.storage;

import java.time.Instant;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What is stored under one key. Immutable.
 *
 * <p>{@link #merge} is the join of a total order in each place: commutative for values of one kind, associative and
 * idempotent, so that replicas which saw the same records hold the same value; except that entries for which a dictionary
 * has no room are left out.
 */
public sealed interface DhtValue permits PlainRecord, DictionaryRecord {

    /** When the last of it expires. */
    Instant expiresAt();

    /** When the first of it expires. */
    Instant nextExpiry();

    /** The bytes of values and subkeys together. */
    int sizeBytes();

    /** How many records it consists of. */
    int recordCount();

    /** The parts whose moment of expiry passes a test, this very value if all do, or null if none does. */
    @Nullable DhtValue retain(Predicate<Instant> expiry);

    /**
     * This value brought up to date with another: the newest wins, per subkey if both are dictionaries. A plain value
     * and a dictionary replace each other, the dictionary winning a tie.
     *
     * @return this very value if the other brings nothing new
     */
    default DhtValue merge(DhtValue other) {
        if (this instanceof DictionaryRecord mine && other instanceof DictionaryRecord theirs) {
            return mine.mergeEntries(theirs);
        }
        return other.supersedes(this) ? other : this;
    }

    private boolean supersedes(DhtValue old) {
        if (this instanceof PlainRecord mine && old instanceof PlainRecord theirs) {
            return mine.compareTo(theirs) > 0;
        }
        int later = expiresAt().compareTo(old.expiresAt());
        return later > 0 || (later == 0 && this instanceof DictionaryRecord);
    }
}
