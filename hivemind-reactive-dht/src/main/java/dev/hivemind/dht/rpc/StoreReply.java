package dev.hivemind.dht.rpc;

import dev.hivemind.dht.storage.PutResult;
import java.util.List;

/**
 * The answer to a store.
 *
 * @param results one for each record, in the request's order
 */
public record StoreReply(List<PutResult> results) {

    public StoreReply {
        results = List.copyOf(results);
    }
}
