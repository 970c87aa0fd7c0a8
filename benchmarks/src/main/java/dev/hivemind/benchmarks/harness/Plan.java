package dev.hivemind.benchmarks.harness;

import java.time.Duration;
import java.util.regex.Pattern;

/**
 * How much to measure, and what.
 *
 * @param repetitions how often each case has its turn, at least 1
 * @param warmUp how long each case runs before it counts
 * @param slice how long a turn lasts
 * @param filter selects rows, by a match anywhere in their names
 */
public record Plan(int repetitions, Duration warmUp, Duration slice, Pattern filter) {

    public Plan {
        if (repetitions < 1) {
            throw new IllegalArgumentException("At least one repetition is needed, not " + repetitions);
        }
    }

    /** For figures that are meant to be kept. */
    public static Plan thorough(int repetitions, Pattern filter) {
        return new Plan(repetitions, Duration.ofMillis(1_500), Duration.ofMillis(800), filter);
    }

    /** For a look at whether everything works; its figures mean little. */
    public static Plan quick(int repetitions, Pattern filter) {
        return new Plan(repetitions, Duration.ofMillis(300), Duration.ofMillis(200), filter);
    }

    /** Whether a row is wanted. */
    public boolean selects(String row) {
        return filter.matcher(row).find();
    }
}
