package dev.hivemind.moe.gating;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * How long a {@link BeamSearch} relies on what the DHT said.
 *
 * @param found of a prefix that has successors; default 10 s
 * @param nothing of a prefix that has none; default 2 s
 * @param patience how long a search waits for news of a prefix whose old successors it still knows, and goes on with
 *     those; or, behind the first dimension, for a prefix of which it knows nothing, and goes on without; default 1 s
 */
public record Lifetimes(Duration found, Duration nothing, Duration patience) {

    /** The default times. */
    public static final Lifetimes DEFAULT =
            new Lifetimes(Duration.ofSeconds(10), Duration.ofSeconds(2), Duration.ofSeconds(1));

    /** @throws IllegalArgumentException if a time is zero or negative */
    public Lifetimes {
        requirePositive(found, "found");
        requirePositive(nothing, "nothing");
        requirePositive(patience, "patience");
    }

    /** The default times, with another lifetime of successors; that there are none is never remembered for longer. */
    public static Lifetimes of(Duration found) {
        Duration nothing = found.compareTo(DEFAULT.nothing) < 0 ? found : DEFAULT.nothing;
        return new Lifetimes(found, nothing, DEFAULT.patience);
    }

    /** The same times, with as much patience at most. */
    public Lifetimes withPatienceUpTo(Duration limit) {
        return limit.compareTo(patience) < 0 ? new Lifetimes(found, nothing, limit) : this;
    }

    private static void requirePositive(Duration duration, String name) {
        requireNonNull(duration, name);
        if (duration.isNegative() || duration.isZero()) {
            throw new IllegalArgumentException(name + " is positive, not " + duration);
        }
    }
}
