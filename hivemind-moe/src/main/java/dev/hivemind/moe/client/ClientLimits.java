package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

/**
 * How much a client has under way at once. Calls beyond that wait for room before their tensors are copied, first come,
 * first served, and within their deadlines: a slow expert slows its callers down instead of filling memory.
 *
 * @param maxCalls calls under way; default 128
 * @param maxBytes of the tensors of calls under way and of the answers that are expected to them, uncompressed; a larger
 *     call is made when it is alone; default 128 MiB
 * @param streams long-lived streams that are kept for calls; default {@link StreamLimits#DEFAULT}
 */
public record ClientLimits(int maxCalls, long maxBytes, StreamLimits streams) {

    /** 128 calls of 128 MiB in all. */
    public static final ClientLimits DEFAULT = new ClientLimits(128, 128L << 20);

    /** @throws IllegalArgumentException if a limit is below 1 */
    public ClientLimits {
        requireNonNull(streams, "streams");
        if (maxCalls < 1 || maxBytes < 1) {
            throw new IllegalArgumentException("A client makes at least one call of one byte at a time, not %d of %d"
                    .formatted(maxCalls, maxBytes));
        }
    }

    /** Limits with the default ones of streams. */
    public ClientLimits(int maxCalls, long maxBytes) {
        this(maxCalls, maxBytes, StreamLimits.DEFAULT);
    }

    /** The same limits with others of streams. */
    public ClientLimits withStreams(StreamLimits others) {
        return new ClientLimits(maxCalls, maxBytes, others);
    }
}
