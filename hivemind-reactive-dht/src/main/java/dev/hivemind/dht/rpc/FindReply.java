package dev.hivemind.dht.rpc;

import java.util.List;

/**
 * The answer to a find.
 *
 * @param results one for each target, in the request's order
 */
public record FindReply(List<FindResult> results) {

    public FindReply {
        results = List.copyOf(results);
    }
}
