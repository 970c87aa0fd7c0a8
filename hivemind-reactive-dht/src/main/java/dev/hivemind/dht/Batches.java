package dev.hivemind.dht;

import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Divides records into requests of one key each. */
final class Batches {

    /** The most bytes of records in one request. */
    private static final int MAX_BYTES = 256 * 1024;

    private Batches() {}

    /** The requests for some records, by key. */
    static Map<DhtKey, List<StoreRequest>> of(Collection<DhtRecord> records) {
        Map<DhtKey, List<DhtRecord>> byKey = new LinkedHashMap<>();
        for (DhtRecord record : records) {
            byKey.computeIfAbsent(record.key(), key -> new ArrayList<>()).add(record);
        }
        Map<DhtKey, List<StoreRequest>> requests = new LinkedHashMap<>();
        byKey.forEach((key, ofKey) -> requests.put(key, split(ofKey)));
        return requests;
    }

    private static List<StoreRequest> split(List<DhtRecord> records) {
        List<StoreRequest> requests = new ArrayList<>();
        List<DhtRecord> batch = new ArrayList<>();
        int bytes = 0;
        for (DhtRecord record : records) {
            if (batch.size() == StoreRequest.MAX_RECORDS || bytes + record.sizeBytes() > MAX_BYTES) {
                requests.add(new StoreRequest(batch));
                batch = new ArrayList<>();
                bytes = 0;
            }
            batch.add(record);
            bytes += record.sizeBytes();
        }
        requests.add(new StoreRequest(batch));
        return requests;
    }
}
