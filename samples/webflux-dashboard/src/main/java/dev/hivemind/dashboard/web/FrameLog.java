package dev.hivemind.dashboard.web;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/** The latest updates, for those who were away for a moment or are slow. Their ids follow each other. */
final class FrameLog {

    static final int MAX_FRAMES = 100;
    static final int MAX_BYTES = 8 << 20;

    private final Deque<Frame> frames = new ArrayDeque<>();
    private long bytes;
    private long lastId;

    /** Nothing is known before this id, which no update of an earlier dashboard has. */
    FrameLog(long firstId) {
        this.lastId = firstId;
    }

    long lastId() {
        return lastId;
    }

    /** Adds the update after the last; the oldest are dropped for it. */
    void add(Frame frame) {
        if (frame.id() != lastId + 1) {
            throw new IllegalArgumentException("Update %d cannot follow %d".formatted(frame.id(), lastId));
        }
        frames.addLast(frame);
        lastId = frame.id();
        bytes += frame.bytes().length;
        while (frames.size() > MAX_FRAMES || (bytes > MAX_BYTES && frames.size() > 1)) {
            bytes -= frames.removeFirst().bytes().length;
        }
    }

    /** Whether whoever has this update can go on with the next, once there is one. */
    boolean canFollow(long id) {
        return id <= lastId && id >= lastId - frames.size();
    }

    /** The update after this one; null if it is the last. To be asked only if it {@linkplain #canFollow can be followed}. */
    @Nullable Frame after(long id) {
        if (id == lastId) {
            return null;
        }
        long steps = lastId - id;
        Iterator<Frame> newestFirst = frames.descendingIterator();
        Frame next = newestFirst.next();
        for (long step = 1; step < steps; step++) {
            next = newestFirst.next();
        }
        return next;
    }
}
