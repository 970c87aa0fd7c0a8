package dev.hivemind.benchmarks.mixture;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * How long a step takes.
 *
 * @param millis by the clock
 * @param cpuMillis of all threads of the process
 */
record Pace(double millis, double cpuMillis) {

    /** Mean of as many steps as fit; at least one is taken. */
    static Pace of(Runnable step, Duration time) {
        return of(step, 0, time);
    }

    /**
     * Mean of as many steps as fit, of which none begins sooner than {@code period} ns after the one before: what others do
     * to the caches meanwhile they do to these steps as well.
     */
    static Pace of(Runnable step, long period, Duration time) {
        var process = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = process.getProcessCpuTime();
        long start = System.nanoTime();
        long steps = 0;
        long elapsed;
        do {
            step.run();
            steps++;
            rest(start + steps * period);
            elapsed = System.nanoTime() - start;
        } while (elapsed < time.toNanos());
        return new Pace(elapsed / 1e6 / steps, (process.getProcessCpuTime() - cpu) / 1e6 / steps);
    }

    private static void rest(long until) {
        for (long left = until - System.nanoTime(); left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
