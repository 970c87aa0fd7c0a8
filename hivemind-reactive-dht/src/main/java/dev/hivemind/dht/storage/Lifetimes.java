package dev.hivemind.dht.storage;

import static java.util.Objects.requireNonNull;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which moments of expiry are acceptable now. Clocks of peers differ by {@link #MAX_CLOCK_SKEW} at most.
 *
 * @param clock tells the time
 * @param maxTtl how long a record may live from now on
 */
public record Lifetimes(Clock clock, Duration maxTtl) {

    /** The longest life that any node grants. */
    public static final Duration MAX_TTL = Duration.ofHours(24);

    /** By how much the clocks of two peers may differ. */
    public static final Duration MAX_CLOCK_SKEW = Duration.ofSeconds(3);

    public Lifetimes {
        requireNonNull(clock, "clock");
        if (maxTtl.isNegative() || maxTtl.isZero() || maxTtl.compareTo(MAX_TTL) > 0) {
            throw new IllegalArgumentException("A record may live for more than 0 and at most " + MAX_TTL);
        }
    }

    /** The time. */
    public Instant now() {
        return clock.instant();
    }

    /** Whether a record with this expiry is alive. */
    public boolean isAlive(Instant expiresAt) {
        return expiresAt.isAfter(now());
    }

    /** Whether a record with this expiry would live longer than is allowed. */
    public boolean isTooLong(Instant expiresAt) {
        return expiresAt.isAfter(now().plus(maxTtl).plus(MAX_CLOCK_SKEW));
    }

    /**
     * Checks a record before it is sent to anybody.
     *
     * @throws IllegalArgumentException if it has expired or would live longer than is allowed
     */
    public void requireAcceptable(DhtRecord record) {
        if (!isAlive(record.expiresAt()) || isTooLong(record.expiresAt())) {
            throw new IllegalArgumentException("%s expires at %s, which is not within %s from now"
                    .formatted(record.key(), record.expiresAt(), maxTtl));
        }
    }

    /** The parts of a value that are alive and not too long-lived, or null. */
    public @Nullable DhtValue acceptable(DhtValue value) {
        Instant now = now();
        Instant latest = now.plus(maxTtl).plus(MAX_CLOCK_SKEW);
        return value.retain(expiry -> expiry.isAfter(now) && !expiry.isAfter(latest));
    }
}
