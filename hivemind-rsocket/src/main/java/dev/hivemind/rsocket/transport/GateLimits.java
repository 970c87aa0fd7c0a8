package dev.hivemind.rsocket.transport;

import java.time.Duration;

/**
 * What an {@link OutboundGate} allows.
 *
 * @param highWaterBytes how much may be unsent before producers of bulk have to wait
 * @param maxUnsentBytes how much may be unsent before the connection is closed
 * @param stallPatience how long the socket may take nothing, while something is unsent, before the connection is closed
 */
public record GateLimits(long highWaterBytes, long maxUnsentBytes, Duration stallPatience) {

    private static final int LARGEST_FRAMES = 4;

    /** These limits, with room for four frames of that size at least. */
    GateLimits forFramesOf(int maxFrameBytes) {
        long atLeast = (long) LARGEST_FRAMES * maxFrameBytes;
        return maxUnsentBytes >= atLeast ? this : new GateLimits(highWaterBytes, atLeast, stallPatience);
    }
}
