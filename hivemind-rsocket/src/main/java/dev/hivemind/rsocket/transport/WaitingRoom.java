package dev.hivemind.rsocket.transport;

import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.MonoSink;

/**
 * Producers of bulk that wait for room on one connection, first come, first served. Room is promised to each that is let
 * go, until its piece is handed over: it may do so later, on a thread of its own.
 *
 * <p>Thread-safe. Calls no producer: whoever takes one out lets it go.
 */
final class WaitingRoom {

    /** The largest piece of bulk, which each producer that is let go is expected to hand over. */
    private static final long PIECE_BYTES = 256L << 10;

    private final long highWaterBytes;
    private final Set<MonoSink<Void>> waiting = new LinkedHashSet<>();
    private int promised;
    private boolean closed;

    /** Nobody waits and nothing is promised: what the hot path asks instead of taking the lock. */
    private volatile boolean idle = true;

    WaitingRoom(long highWaterBytes) {
        this.highWaterBytes = highWaterBytes;
    }

    boolean isIdle() {
        return idle;
    }

    /** Whether a producer that asks now need not wait. */
    boolean isOpen(long unsentBytes) {
        return idle && unsentBytes < highWaterBytes;
    }

    /**
     * Queues a producer.
     *
     * @throws ClosedChannelException if the connection has closed
     */
    synchronized void enter(MonoSink<Void> producer) throws ClosedChannelException {
        if (closed) {
            throw new ClosedChannelException();
        }
        waiting.add(producer);
        idle = false;
    }

    synchronized void leave(MonoSink<Void> producer) {
        waiting.remove(producer);
        settle();
    }

    /** Takes out the next producer if there is room for its piece, and promises the room to it. */
    synchronized @Nullable MonoSink<Void> next(long unsentBytes) {
        if (waiting.isEmpty() || unsentBytes + promised * PIECE_BYTES >= highWaterBytes) {
            return null;
        }
        MonoSink<Void> producer = waiting.iterator().next();
        waiting.remove(producer);
        promised++;
        return producer;
    }

    /** A piece was handed over. */
    synchronized void redeemPromise() {
        promised = Math.max(0, promised - 1);
        settle();
    }

    /** Producers that were let go have ended without a piece, or take too long. */
    synchronized void forgetPromises() {
        promised = 0;
        settle();
    }

    synchronized boolean hasWaiting() {
        return !waiting.isEmpty();
    }

    /** Takes all out, and lets nobody in any more. */
    synchronized List<MonoSink<Void>> close() {
        closed = true;
        idle = false;
        List<MonoSink<Void>> all = new ArrayList<>(waiting);
        waiting.clear();
        return all;
    }

    private void settle() {
        idle = !closed && promised == 0 && waiting.isEmpty();
    }
}
