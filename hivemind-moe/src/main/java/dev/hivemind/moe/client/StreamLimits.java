package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * How many long-lived streams a client keeps, one for each expert and direction that is called by a policy
 * {@linkplain CallPolicy#withStreams with streams}. A stream that is needed takes the place of the least recently used one
 * without calls; if all are busy, calls are made one by one, and wait for room at the peer as well.
 *
 * @param maxPerPeer streams to one peer, at most 16, since a peer need not accept more beside large calls; default 12
 * @param maxStreams streams to all peers; default 256
 * @param maxWaiting calls that wait on one stream until its peer asks for them; further ones are refused as overloaded.
 *     Default: 256
 * @param idleTimeout after how long without calls a stream is closed; default 30 s
 */
public record StreamLimits(int maxPerPeer, int maxStreams, int maxWaiting, Duration idleTimeout) {

    /** 12 streams to each peer, 256 in all, with 256 waiting calls each, closed after 30 s without any. */
    public static final StreamLimits DEFAULT = new StreamLimits(12, 256, 256, Duration.ofSeconds(30));

    /** What peers accept besides the channels of single calls. */
    private static final int MOST_PER_PEER = 16;

    /** @throws IllegalArgumentException if a limit is out of its bounds */
    public StreamLimits {
        requireNonNull(idleTimeout, "idleTimeout");
        require(maxPerPeer >= 1 && maxPerPeer <= MOST_PER_PEER, "maxPerPeer is from 1 to " + MOST_PER_PEER);
        require(maxStreams >= 1, "maxStreams is at least 1");
        require(maxWaiting >= 1, "maxWaiting is at least 1");
        require(!idleTimeout.isNegative() && !idleTimeout.isZero(), "idleTimeout is positive");
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
