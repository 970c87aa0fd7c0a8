package dev.hivemind.dht.lookup;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtValue;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What to look for.
 *
 * @param target the id to approach
 * @param width how many of the nearest peers are wanted
 * @param confirmations how many of the nearest peers have to answer before the lookup ends, 1 to {@code width}; the others
 *     that are found may never have been asked
 * @param sufficient null to look for peers only; else values are asked for, and the lookup ends early once what was
 *     found expires no sooner than this
 * @param known a value that the asking node has already, or null
 */
public record LookupRequest(
        NodeId target,
        int width,
        int confirmations,
        @Nullable Instant sufficient,
        @Nullable DhtValue known) {

    public LookupRequest {
        requireNonNull(target, "target");
        if (width < 1) {
            throw new IllegalArgumentException("A lookup has a width of at least 1");
        }
        if (confirmations < 1 || confirmations > width) {
            throw new IllegalArgumentException("Between 1 and " + width + " peers can be asked to confirm the nearest");
        }
    }

    /** Looks for the peers nearest to an id, all of which answer. */
    public static LookupRequest ofNodes(NodeId target, int width) {
        return ofNodes(target, width, width);
    }

    /** Looks for the peers nearest to an id, for a caller who finds out himself whether they answer. */
    public static LookupRequest ofNodes(NodeId target, int width, int confirmations) {
        return new LookupRequest(target, width, confirmations, null, null);
    }

    /** Looks for a value; {@link Instant#MAX} asks all of the nearest peers for the latest. */
    public static LookupRequest ofValue(NodeId target, int width, Instant sufficient, @Nullable DhtValue known) {
        return new LookupRequest(target, width, width, requireNonNull(sufficient, "sufficient"), known);
    }

    /** Whether values are asked for. */
    public boolean wantsValue() {
        return sufficient != null;
    }

    boolean isSatisfiedBy(@Nullable DhtValue value) {
        return sufficient != null && value != null && !value.expiresAt().isBefore(sufficient);
    }
}
