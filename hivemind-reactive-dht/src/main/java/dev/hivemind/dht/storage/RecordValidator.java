package dev.hivemind.dht.storage;

/**
 * Decides which records a node keeps for others and believes when it finds them. Called on any thread, for several
 * records at once; should be quick, and not block.
 */
@FunctionalInterface
public interface RecordValidator {

    /** Accepts everything. */
    RecordValidator ANY = (place, body) -> true;

    /** Whether a record is welcome. Signatures have been checked before. */
    boolean accepts(Ownership.Place place, PlainRecord body);

    /** Accepts what both accept. */
    default RecordValidator and(RecordValidator other) {
        return (place, body) -> accepts(place, body) && other.accepts(place, body);
    }
}
