package dev.hivemind.dashboard.history;

import static java.util.Objects.requireNonNull;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The time of day, except that it never goes back: when the day's clock is set back, this one goes on at its pace, and is
 * ahead from then on. Safe for use from any thread.
 */
public final class SteadyClock extends Clock {

    private final Clock day;
    private final LongSupplier nanoTime;
    private long atMillis;
    private long atNanos;

    /**
     * A clock that begins with the time of day.
     *
     * @param nanoTime as {@link System#nanoTime()}
     */
    public SteadyClock(Clock day, LongSupplier nanoTime) {
        this.day = requireNonNull(day, "day");
        this.nanoTime = requireNonNull(nanoTime, "nanoTime");
        this.atMillis = day.millis();
        this.atNanos = nanoTime.getAsLong();
    }

    /** A clock of this machine. */
    public static SteadyClock system() {
        return new SteadyClock(Clock.systemUTC(), System::nanoTime);
    }

    @Override
    public synchronized long millis() {
        long nanos = nanoTime.getAsLong();
        long steady = atMillis + TimeUnit.NANOSECONDS.toMillis(nanos - atNanos);
        long now = day.millis();
        if (now <= steady) {
            return steady;
        }
        atMillis = now;
        atNanos = nanos;
        return now;
    }

    @Override
    public Instant instant() {
        return Instant.ofEpochMilli(millis());
    }

    @Override
    public ZoneId getZone() {
        return day.getZone();
    }

    @Override
    public Clock withZone(ZoneId zone) {
        return new SteadyClock(day.withZone(zone), nanoTime);
    }
}
