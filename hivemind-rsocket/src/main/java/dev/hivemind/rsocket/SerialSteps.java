package dev.hivemind.rsocket;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * The work of an operator whose signals come from any thread: whoever signals leaves what it has in a field and calls
 * {@link #drain()}, which lets one thread at a time take the steps.
 */
abstract class SerialSteps {

    private final AtomicInteger workers = new AtomicInteger();

    /** Takes steps until nothing is left to do, unless another thread does so, which then sees this signal too. */
    final void drain() {
        if (workers.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            boolean worked = true;
            while (worked) {
                worked = step();
            }
            seen = workers.addAndGet(-seen);
        } while (seen != 0);
    }

    /** Does the next thing; false when there is nothing to do before another signal. */
    abstract boolean step();
}
