package dev.hivemind.rsocket;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * What one connection may have us hold and do. {@link #DEFAULT} suits open networks.
 *
 * @param maxCalls calls of the peer that are served at once; more are refused as overloaded. Default: 256
 * @param maxCallBytes bytes of their bodies that are not charged to the inbound budget. Default: 64 MiB
 * @param maxChannels channels of the peer that are open at once, for streams and large calls. Default: 64, and never less
 * @param maxReplyBytes bytes of replies that are made or wait to be sent, on channels and others each, if it is not a
 *     single one; further calls wait. Default: 16 MiB
 * @param sendWindowBytes how much may be unsent before bulk has to wait, so that a small call is soon on its way.
 *     Default: 1 MiB; at least 64 KiB
 * @param maxUnsentBytes how much may be unsent before the connection is closed, if that is more than four of the largest
 *     frames. Default: 16 MiB; at least the send window
 * @param maxWriteStall how long the peer may take nothing, while something is unsent, before the connection is closed.
 *     Default: 30 s
 * @param firstFrameTimeout how long a stranger may take to send its first frame. Default: 3 s
 */
public record ConnectionLimits(
        int maxCalls,
        long maxCallBytes,
        int maxChannels,
        long maxReplyBytes,
        long sendWindowBytes,
        long maxUnsentBytes,
        Duration maxWriteStall,
        Duration firstFrameTimeout) {

    /** The limits of a node that is told of no others. */
    public static final ConnectionLimits DEFAULT = new ConnectionLimits(
            256, 64L << 20, 64, 16L << 20, 1L << 20, 16L << 20, Duration.ofSeconds(30), Duration.ofSeconds(3));

    /** What peers may rely on. */
    static final int MIN_CHANNELS = 64;

    private static final long MIN_SEND_WINDOW_BYTES = 64L << 10;

    /** @throws IllegalArgumentException if a limit is out of its bounds */
    public ConnectionLimits {
        require(maxCalls >= 1, "maxCalls is at least 1");
        require(maxCallBytes >= 1, "maxCallBytes is at least 1");
        require(maxChannels >= MIN_CHANNELS, "maxChannels is at least " + MIN_CHANNELS);
        require(maxReplyBytes >= 1, "maxReplyBytes is at least 1");
        require(sendWindowBytes >= MIN_SEND_WINDOW_BYTES, "sendWindowBytes is at least " + MIN_SEND_WINDOW_BYTES);
        require(maxUnsentBytes >= sendWindowBytes, "maxUnsentBytes is at least sendWindowBytes");
        require(isPositive(requireNonNull(maxWriteStall, "maxWriteStall")), "maxWriteStall is positive");
        require(isPositive(requireNonNull(firstFrameTimeout, "firstFrameTimeout")), "firstFrameTimeout is positive");
    }

    private static boolean isPositive(Duration time) {
        return !time.isNegative() && !time.isZero();
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    /** These limits with another bound on calls that are served at once, and on the bytes of their bodies. */
    public ConnectionLimits withCalls(int calls, long bytes) {
        return new ConnectionLimits(
                calls,
                bytes,
                maxChannels,
                maxReplyBytes,
                sendWindowBytes,
                maxUnsentBytes,
                maxWriteStall,
                firstFrameTimeout);
    }

    /** These limits with another bound on open channels. */
    public ConnectionLimits withChannels(int channels) {
        return new ConnectionLimits(
                maxCalls,
                maxCallBytes,
                channels,
                maxReplyBytes,
                sendWindowBytes,
                maxUnsentBytes,
                maxWriteStall,
                firstFrameTimeout);
    }

    /** These limits with another bound on the replies that are held. */
    public ConnectionLimits withReplyBytes(long bytes) {
        return new ConnectionLimits(
                maxCalls,
                maxCallBytes,
                maxChannels,
                bytes,
                sendWindowBytes,
                maxUnsentBytes,
                maxWriteStall,
                firstFrameTimeout);
    }

    /** These limits with other bounds on what is unsent, and for how long. */
    public ConnectionLimits withUnsent(long windowBytes, long mostBytes, Duration writeStall) {
        return new ConnectionLimits(
                maxCalls,
                maxCallBytes,
                maxChannels,
                maxReplyBytes,
                windowBytes,
                mostBytes,
                writeStall,
                firstFrameTimeout);
    }

    /** These limits with another time for the first frame of a stranger. */
    public ConnectionLimits withFirstFrameTimeout(Duration timeout) {
        return new ConnectionLimits(
                maxCalls,
                maxCallBytes,
                maxChannels,
                maxReplyBytes,
                sendWindowBytes,
                maxUnsentBytes,
                maxWriteStall,
                timeout);
    }
}
