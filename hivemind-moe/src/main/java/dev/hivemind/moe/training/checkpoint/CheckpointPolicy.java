package dev.hivemind.moe.training.checkpoint;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * When checkpoints are made. One is made at the end of training in any case.
 *
 * @param everySteps after so many steps since the last; at least 1
 * @param every after so much time since the last, whatever the steps; above zero
 */
public record CheckpointPolicy(int everySteps, Duration every) {

    private static final Duration NEVER = Duration.ofDays(36_500);

    /** @throws IllegalArgumentException if a value is out of its bounds */
    public CheckpointPolicy {
        requireNonNull(every, "every");
        if (everySteps < 1 || every.isNegative() || every.isZero()) {
            throw new IllegalArgumentException("everySteps is at least 1, and every is above zero");
        }
    }

    /** After so many steps. */
    public static CheckpointPolicy everySteps(int steps) {
        return new CheckpointPolicy(steps, NEVER);
    }

    /** After so much time. */
    public static CheckpointPolicy every(Duration time) {
        return new CheckpointPolicy(Integer.MAX_VALUE, time);
    }
}
