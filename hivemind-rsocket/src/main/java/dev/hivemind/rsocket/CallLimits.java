package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.OverloadedException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** How many calls of one connection are served at once, and how many bytes of small bodies they hold. Thread-safe. */
final class CallLimits {

    private static final Duration RETRY_AFTER = Duration.ofMillis(100);

    private final ConnectionLimits limits;
    private final AtomicInteger calls = new AtomicInteger();
    private final AtomicInteger channels = new AtomicInteger();
    private final AtomicLong bytes = new AtomicLong();

    CallLimits(ConnectionLimits limits) {
        this.limits = limits;
    }

    /**
     * Counts a call until {@link #leave}; returns this.
     *
     * @param bodyBytes what it holds outside the node's budget for large bodies
     * @throws OverloadedException if there are too many; nothing is counted then
     */
    CallLimits enter(int bodyBytes) {
        if (calls.incrementAndGet() > limits.maxCalls()) {
            calls.decrementAndGet();
            throw tooMany();
        }
        if (bytes.addAndGet(bodyBytes) > limits.maxCallBytes()) {
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
        if (channels.incrementAndGet() > limits.maxChannels()) {
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
}
