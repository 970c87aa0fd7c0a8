package dev.hivemind.rsocket.frame;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * The moment at which a caller gives up, on this process's monotonic clock. On the wire it is relative: clocks of peers
 * differ.
 *
 * @param nanoTime the moment, as {@link System#nanoTime()} will report it
 */
public record Deadline(long nanoTime) {

    /** The longest time that a call may ask for. */
    public static final Duration MAX = Duration.ofHours(1);

    /** No deadline, which only a subscription may have. */
    public static final Deadline NEVER = new Deadline(Long.MIN_VALUE);

    /** The moment so far from now; times beyond {@link #MAX} are cut to it. */
    public static Deadline after(Duration timeout) {
        requireNonNull(timeout, "timeout");
        Duration bounded = timeout.compareTo(MAX) > 0 ? MAX : timeout;
        return new Deadline(System.nanoTime() + bounded.toNanos());
    }

    /** Whether this is {@link #NEVER}. */
    public boolean isNever() {
        return nanoTime == Long.MIN_VALUE;
    }

    /** Time left; zero when it has passed, {@link #MAX} for {@link #NEVER}. */
    public Duration remaining() {
        return isNever() ? MAX : Duration.ofNanos(Math.max(0, nanoTime - System.nanoTime()));
    }

    /** Whether the moment has passed. */
    public boolean isPast() {
        return !isNever() && nanoTime - System.nanoTime() <= 0;
    }

    /** Whether this moment comes before another. */
    public boolean isBefore(Deadline other) {
        return !isNever() && (other.isNever() || nanoTime - other.nanoTime < 0);
    }
}
