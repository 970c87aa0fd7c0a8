package dev.hivemind.dht.rpc;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.NodeId;
import java.time.Duration;

/**
 * Asks to be told of what a peer keeps at an id.
 *
 * @param target the id
 * @param lifetime for how long, at least a millisecond and at most {@link #MAX_LIFETIME}
 */
public record WatchRequest(NodeId target, Duration lifetime) {

    /** After which every watch ends. */
    public static final Duration MAX_LIFETIME = Duration.ofMinutes(10);

    public WatchRequest {
        requireNonNull(target, "target");
        if (lifetime.toMillis() < 1 || lifetime.compareTo(MAX_LIFETIME) > 0) {
            throw new IllegalArgumentException("A watch lasts for 1 ms to " + MAX_LIFETIME);
        }
    }
}
