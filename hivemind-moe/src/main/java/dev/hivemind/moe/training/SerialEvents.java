package dev.hivemind.moe.training;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Does one thing after the other: what a thread brings while another is at work is done by that other one. Nobody waits.
 * What may wait here is bounded by those who bring it.
 */
final class SerialEvents {

    private final Queue<Runnable> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger count = new AtomicInteger();

    /** Does something now, or has it done soon. It must not throw. */
    void run(Runnable event) {
        waiting.add(event);
        if (count.getAndIncrement() > 0) {
            return;
        }
        do {
            Runnable next = waiting.poll();
            if (next != null) {
                next.run();
            }
        } while (count.decrementAndGet() > 0);
    }
}
