package dev.hivemind.rsocket.transport;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Warns of one kind of event, once in a while however often it happens. Not thread-safe. */
final class SparseLog {

    private static final Logger LOG = LoggerFactory.getLogger(SparseLog.class);

    private final long intervalNanos;
    private long lastNanos;
    private long unlogged;
    private boolean begun;

    SparseLog(Duration interval) {
        this.intervalNanos = interval.toNanos();
    }

    /** Returns whether it was logged. */
    boolean warn(String message, long nowNanos) {
        if (begun && nowNanos - lastNanos < intervalNanos) {
            unlogged++;
            return false;
        }
        begun = true;
        lastNanos = nowNanos;
        LOG.warn("{} ({} such events since the last message)", message, unlogged);
        unlogged = 0;
        return true;
    }
}
