package dev.hivemind.benchmarks.codec;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;

/** How fast something goes that is done again and again by one thread. */
final class Speed {

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private Speed() {}

    /**
     * Gigabytes for each second that the thread was on a processor, so that other work on the machine does not count; at
     * least one round.
     */
    static double of(Runnable round, long bytes, Duration time) {
        long rounds = 0;
        long start = System.nanoTime();
        long startOnProcessor = THREADS.getCurrentThreadCpuTime();
        do {
            round.run();
            rounds++;
        } while (System.nanoTime() - start < time.toNanos());
        return (double) rounds * bytes / (THREADS.getCurrentThreadCpuTime() - startOnProcessor);
    }
}
