package dev.hivemind.dht.rpc;

import dev.hivemind.dht.storage.DhtRecord;
import java.util.List;

/**
 * Asks a peer to keep records.
 *
 * @param records 1 to {@value #MAX_RECORDS}
 * @param cached whether they only tell that their keys are asked for, so that the peer may copy what it finds there
 */
public record StoreRequest(List<DhtRecord> records, boolean cached) {

    /** The most records in one request. */
    public static final int MAX_RECORDS = 64;

    /** Asks a peer to keep records until they expire. */
    public StoreRequest(List<DhtRecord> records) {
        this(records, false);
    }

    public StoreRequest {
        records = List.copyOf(records);
        if (records.isEmpty() || records.size() > MAX_RECORDS) {
            throw new IllegalArgumentException(
                    "A store carries 1 to %d records, not %d".formatted(MAX_RECORDS, records.size()));
        }
    }
}
