package dev.hivemind.dht;

import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.storage.DhtRecord;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Divides records into what one request carries. */
final class Batches {

    /** The most bytes of records in one request. */
    static final int MAX_BYTES = 256 * 1024;

    private Batches() {}

    /** The records in their order, divided into lists that one request each can carry. */
    static List<List<DhtRecord>> of(Collection<DhtRecord> records) {
        List<List<DhtRecord>> batches = new ArrayList<>();
        List<DhtRecord> batch = new ArrayList<>();
        int bytes = 0;
        for (DhtRecord record : records) {
            if (batch.size() == StoreRequest.MAX_RECORDS || bytes + record.sizeBytes() > MAX_BYTES) {
                batches.add(batch);
                batch = new ArrayList<>();
                bytes = 0;
            }
            batch.add(record);
            bytes += record.sizeBytes();
        }
        if (!batch.isEmpty()) {
            batches.add(batch);
        }
        return batches;
    }
}
