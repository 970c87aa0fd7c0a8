package dev.hivemind.moe.server.batching;

import java.time.Duration;

/**
 * What a header's priority comes down to, so that nobody can outbid others without end.
 *
 * <p>A class is a head start: its tasks go before all of a lower class, but for those that came so much earlier. Within
 * a class the oldest goes first, and nobody starves.
 */
enum PriorityClass {
    LOW(-1),
    NORMAL(0),
    HIGH(1);

    static final Duration HEAD_START = Duration.ofSeconds(10);

    private final int steps;

    PriorityClass(int steps) {
        this.steps = steps;
    }

    static PriorityClass of(int priority) {
        return switch (Integer.signum(priority)) {
            case -1 -> LOW;
            case 1 -> HIGH;
            default -> NORMAL;
        };
    }

    /** The moment by which tasks are ordered, on the clock of the argument: the earlier the more urgent. */
    long urgency(long enqueuedNanos) {
        return enqueuedNanos - steps * HEAD_START.toNanos();
    }
}
