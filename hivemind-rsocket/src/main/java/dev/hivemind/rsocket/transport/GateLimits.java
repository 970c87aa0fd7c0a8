package dev.hivemind.rsocket.transport;

import java.time.Duration;

/**
 * What an {@link OutboundGate} allows.
 *
 * @param highWaterBytes how much may be unsent before producers of bulk have to wait
 * @param maxUnsentBytes how much may be unsent before the connection is closed
 * @param stallPatience how long the socket may take nothing, while something is unsent, before the connection is closed
 */
record GateLimits(long highWaterBytes, long maxUnsentBytes, Duration stallPatience) {

    private static final long HIGH_WATER_BYTES = 1L << 20;
    private static final long MAX_UNSENT_BYTES = 16L << 20;
    private static final int LARGEST_FRAMES = 4;
    private static final Duration STALL_PATIENCE = Duration.ofSeconds(30);

    /** The defaults, with room for four of the largest frames. */
    static GateLimits forFramesOf(int maxFrameBytes) {
        long maxUnsent = Math.max(MAX_UNSENT_BYTES, (long) LARGEST_FRAMES * maxFrameBytes);
        return new GateLimits(HIGH_WATER_BYTES, maxUnsent, STALL_PATIENCE);
    }
}
