package dev.hivemind.benchmarks.mixture;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;

/**
 * How long a step takes.
 *
 * @param millis by the clock
 * @param cpuMillis of all threads of the process
 */
record Pace(double millis, double cpuMillis) {

    /** Mean of as many steps as fit; at least one is taken. */
    static Pace of(Runnable step, Duration time) {
        var process = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = process.getProcessCpuTime();
        long start = System.nanoTime();
        long steps = 0;
        long elapsed;
        do {
            step.run();
            steps++;
            elapsed = System.nanoTime() - start;
        } while (elapsed < time.toNanos());
        return new Pace(elapsed / 1e6 / steps, (process.getProcessCpuTime() - cpu) / 1e6 / steps);
    }
}
