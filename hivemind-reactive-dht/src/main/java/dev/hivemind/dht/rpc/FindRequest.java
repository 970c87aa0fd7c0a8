package dev.hivemind.dht.rpc;

import dev.hivemind.dht.routing.NodeId;
import java.util.List;

/**
 * Asks what a peer knows of some ids.
 *
 * @param targets 1 to {@value #MAX_TARGETS} ids
 * @param values whether records are wanted besides contacts
 */
public record FindRequest(List<NodeId> targets, boolean values) {

    /** The most ids in one request. */
    public static final int MAX_TARGETS = 16;

    public FindRequest {
        targets = List.copyOf(targets);
        if (targets.isEmpty() || targets.size() > MAX_TARGETS) {
            throw new IllegalArgumentException(
                    "A find names 1 to %d targets, not %d".formatted(MAX_TARGETS, targets.size()));
        }
    }
}
