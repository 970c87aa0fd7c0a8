package dev.hivemind.rsocket;

import java.util.concurrent.atomic.AtomicLong;
import reactor.core.publisher.Operators;

/** How many more items a subscriber takes. Thread-safe. */
final class Demand {

    private final AtomicLong requested = new AtomicLong();

    void add(long n) {
        if (Operators.validate(n)) {
            requested.accumulateAndGet(n, Operators::addCap);
        }
    }

    boolean isZero() {
        return requested.get() == 0;
    }

    /** Counts one item that was emitted. */
    void take() {
        if (requested.get() != Long.MAX_VALUE) {
            requested.decrementAndGet();
        }
    }
}
