package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PayloadTooLargeException;
import dev.hivemind.rsocket.identity.PeerId;
import io.netty.util.internal.PlatformDependent;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * How many bytes of large bodies a node holds at once, those of one peer at most half. A body is charged before memory
 * is allocated for it, until its last holder releases it. Thread-safe.
 */
final class ByteBudget {

    private static final Duration RETRY_AFTER = Duration.ofMillis(500);

    private final long totalBytes;
    private final Map<PeerId, Long> held = new HashMap<>();
    private long heldBytes;

    ByteBudget(long totalBytes) {
        this.totalBytes = totalBytes;
    }

    /** Half of the memory that Netty may use for direct buffers. */
    static long defaultBytes() {
        return Math.max(1, PlatformDependent.maxDirectMemory() / 2);
    }

    /**
     * Charges bytes that a peer sends, or has us keep.
     *
     * @throws OverloadedException if there is no room now
     * @throws PayloadTooLargeException if there never is
     */
    Reservation reserve(PeerId peer, long bytes) {
        long perPeer = totalBytes / 2;
        if (bytes > perPeer) {
            throw new PayloadTooLargeException(
                    "A body of %d bytes is larger than the %d that one peer may send".formatted(bytes, perPeer));
        }
        if (!charge(peer, bytes, perPeer)) {
            throw new OverloadedException("No room for a body of %d bytes now".formatted(bytes), RETRY_AFTER);
        }
        return new Reservation(peer, bytes);
    }

    private synchronized boolean charge(PeerId peer, long bytes, long perPeer) {
        long ofPeer = held.getOrDefault(peer, 0L);
        if (ofPeer + bytes > perPeer || heldBytes + bytes > totalBytes) {
            return false;
        }
        held.put(peer, ofPeer + bytes);
        heldBytes += bytes;
        return true;
    }

    private synchronized void refund(PeerId peer, long bytes) {
        heldBytes -= bytes;
        held.computeIfPresent(peer, (id, ofPeer) -> ofPeer == bytes ? null : ofPeer - bytes);
    }

    /** Bytes that are charged now. */
    synchronized long heldBytes() {
        return heldBytes;
    }

    /** A part of the budget, given back once. */
    final class Reservation {

        private final PeerId peer;
        private final long bytes;
        private final AtomicBoolean released = new AtomicBoolean();

        private Reservation(PeerId peer, long bytes) {
            this.peer = peer;
            this.bytes = bytes;
        }

        /** Gives the bytes back; later calls do nothing. */
        void release() {
            if (released.compareAndSet(false, true)) {
                refund(peer, bytes);
            }
        }
    }
}
