package dev.hivemind.rsocket.events;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;

/**
 * Pauses between attempts in a row, each up to twice the one before. A row ends only with a success that lasted: one that
 * ends at once counts as one more failure. Used by one signal at a time.
 */
final class BackOff {

    private final Duration first;
    private final Duration last;
    private final LongSupplier millis;
    private long pauseMillis;
    private long succeededAt;
    private boolean succeeded;

    /**
     * A row without attempts.
     *
     * @param last the longest pause, and how long a success has to last
     * @param millis a clock
     */
    BackOff(Duration first, Duration last, LongSupplier millis) {
        this.first = first;
        this.last = last;
        this.millis = millis;
    }

    /** The attempt under way succeeds; sooner or later it will end nevertheless. */
    void succeeded() {
        if (!succeeded) {
            succeeded = true;
            succeededAt = millis.getAsLong();
        }
    }

    /** The attempt under way has ended; whether it begins a row of failures. */
    boolean failed() {
        boolean lasted = succeeded && millis.getAsLong() - succeededAt >= last.toMillis();
        succeeded = false;
        boolean begins = lasted || pauseMillis == 0;
        pauseMillis = begins ? first.toMillis() : Math.min(2 * pauseMillis, last.toMillis());
        return begins;
    }

    /** How long to wait after the failure; half of it is left to chance. */
    Duration pause() {
        return Duration.ofMillis(pauseMillis - ThreadLocalRandom.current().nextLong(pauseMillis / 2 + 1));
    }
}
