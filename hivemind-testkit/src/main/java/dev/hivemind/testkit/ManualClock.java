package dev.hivemind.testkit;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A clock that stands until it is told to move. It is both the time of day, as a {@link Clock}, and a
 * {@link System#nanoTime()}, as {@code clock::nanoTime}.
 *
 * <p>Its nanoTime starts one second before it overflows, as a real one may, so that code which compares two of them
 * other than by their difference fails. Threads: any may read and move it.
 */
public final class ManualClock extends Clock {

    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    private static final long START_NANOS =
            Long.MAX_VALUE - Duration.ofSeconds(1).toNanos();

    private final AtomicLong elapsedNanos;
    private final ZoneId zone;

    /** A clock at the start of 2026, in UTC. */
    public ManualClock() {
        this(new AtomicLong(), ZoneOffset.UTC);
    }

    private ManualClock(AtomicLong elapsedNanos, ZoneId zone) {
        this.elapsedNanos = elapsedNanos;
        this.zone = zone;
    }

    /**
     * Moves the clock on.
     *
     * @param step not negative; in all at most 292 years
     */
    public void advance(Duration step) {
        if (step.isNegative()) {
            throw new IllegalArgumentException("A clock moves forward, not by " + step);
        }
        long nanos = step.toNanos();
        elapsedNanos.updateAndGet(elapsed -> Math.addExact(elapsed, nanos));
    }

    /** What {@link System#nanoTime()} would report; it may overflow, so only differences mean anything. */
    public long nanoTime() {
        return START_NANOS + elapsedNanos.get();
    }

    @Override
    public Instant instant() {
        return START.plusNanos(elapsedNanos.get());
    }

    @Override
    public ZoneId getZone() {
        return zone;
    }

    /** The same clock, moved together with this one, for another zone. */
    @Override
    public ManualClock withZone(ZoneId other) {
        return new ManualClock(elapsedNanos, other);
    }
}
