package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.OverloadedException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** How many calls of one connection are served at once, and how many bytes of small bodies they hold. Thread-safe. */
final class CallLimits {

    static final int MAX_CALLS = 256;
    static final long MAX_BYTES = 64L << 20;

    /** Channels, each of which may hold a few payloads besides its calls. */
    static final int MAX_CHANNELS = 64;

    /** Replies that wait for the connection to have room. */
    static final long MAX_QUEUED_BYTES = 16L << 20;

    private static final Duration RETRY_AFTER = Duration.ofMillis(100);

    private final AtomicInteger calls = new AtomicInteger();
    private final AtomicInteger channels = new AtomicInteger();
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong queuedBytes = new AtomicLong();

    /**
     * Counts a call until {@link #leave}; returns this.
     *
     * @param bodyBytes what it holds outside the node's budget for large bodies
     * @throws OverloadedException if there are too many; nothing is counted then
     */
    CallLimits enter(int bodyBytes) {
        if (calls.incrementAndGet() > MAX_CALLS) {
            calls.decrementAndGet();
            throw tooMany();
        }
        if (bytes.addAndGet(bodyBytes) > MAX_BYTES) {
            leave(bodyBytes);
            throw tooMany();
        }
        return this;
    }

    /**
     * Counts a channel until {@link #leaveChannel}; returns this.
     *
     * @throws OverloadedException if there are too many; nothing is counted then
     */
    CallLimits enterChannel() {
        if (channels.incrementAndGet() > MAX_CHANNELS) {
            leaveChannel();
            throw tooMany();
        }
        return this;
    }

    /** Ends a channel that was counted. */
    void leaveChannel() {
        channels.decrementAndGet();
    }

    private static OverloadedException tooMany() {
        return new OverloadedException("Too many calls of one peer are under way", RETRY_AFTER);
    }

    /** Ends a call that was counted with as many bytes. */
    void leave(int bodyBytes) {
        bytes.addAndGet(-bodyBytes);
        calls.decrementAndGet();
    }

    /**
     * Counts a reply that waits until {@link #dequeue}.
     *
     * <p>Ownership: returns the reply, and releases it when it throws.
     *
     * @throws OverloadedException if too many bytes wait; nothing is counted then
     */
    Reply queue(Reply reply) {
        int length = reply.body().readableBytes();
        if (queuedBytes.addAndGet(length) > MAX_QUEUED_BYTES) {
            dequeue(length);
            reply.release();
            throw new OverloadedException("The caller leaves too many replies unread", RETRY_AFTER);
        }
        return reply;
    }

    /** Ends the wait of a reply of so many bytes. */
    void dequeue(int length) {
        queuedBytes.addAndGet(-length);
    }
}
