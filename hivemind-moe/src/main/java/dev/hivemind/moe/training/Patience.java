package dev.hivemind.moe.training;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * How long a pipeline waits for experts that are missing: at its start, or for a batch that none of them answers.
 *
 * @param timeout from the first failure of a batch until training fails; zero for no waiting; default 30 s
 * @param pause between two attempts, above zero; default 500 ms
 * @param maxLostInARow batches that may be given up one after the other because experts fail on the way back, at least 0;
 *     default 64
 */
public record Patience(Duration timeout, Duration pause, int maxLostInARow) {

    /** Half a minute, two attempts a second, and up to 64 lost batches in a row. */
    public static final Patience DEFAULT = new Patience(Duration.ofSeconds(30), Duration.ofMillis(500), 64);

    /** @throws IllegalArgumentException if a value is out of its bounds */
    public Patience {
        requireNonNull(timeout, "timeout");
        requireNonNull(pause, "pause");
        if (timeout.isNegative() || pause.isNegative() || pause.isZero() || maxLostInARow < 0) {
            throw new IllegalArgumentException(
                    "timeout and maxLostInARow are at least 0, and pause is above 0, but they are %s, %d and %s"
                            .formatted(timeout, maxLostInARow, pause));
        }
    }

    /** The same with another timeout. */
    public Patience withTimeout(Duration other) {
        return new Patience(other, pause, maxLostInARow);
    }
}
