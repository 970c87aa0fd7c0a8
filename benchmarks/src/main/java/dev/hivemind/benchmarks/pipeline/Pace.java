package dev.hivemind.benchmarks.pipeline;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * How long a piece of work takes when many are done.
 *
 * @param micros by the clock
 * @param cpuMicros of all threads of the process
 */
record Pace(double micros, double cpuMicros) {

    private static final double NANOS_PER_MICRO = 1e3;

    /** Mean of as many pieces as fit; at least once is worked. */
    static Pace of(LongSupplier work, Duration time) {
        var process = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = process.getProcessCpuTime();
        long start = System.nanoTime();
        long pieces = 0;
        long elapsed;
        do {
            pieces += work.getAsLong();
            elapsed = System.nanoTime() - start;
        } while (elapsed < time.toNanos());
        double each = NANOS_PER_MICRO * Math.max(1, pieces);
        return new Pace(elapsed / each, (process.getProcessCpuTime() - cpu) / each);
    }

    double perSecond() {
        return 1e6 / micros;
    }
}
