package dev.hivemind.launcher.output;

import java.time.Duration;
import java.util.function.LongSupplier;

/** Lets the first of many pass, and then one per interval. Not thread-safe. */
final class Throttle {

    private final long intervalNanos;
    private final LongSupplier nanoClock;
    private boolean started;
    private long lastNanos;

    Throttle(Duration interval, LongSupplier nanoClock) {
        this.intervalNanos = interval.toNanos();
        this.nanoClock = nanoClock;
    }

    boolean pass() {
        long now = nanoClock.getAsLong();
        if (started && now - lastNanos < intervalNanos) {
            return false;
        }
        started = true;
        lastNanos = now;
        return true;
    }
}
