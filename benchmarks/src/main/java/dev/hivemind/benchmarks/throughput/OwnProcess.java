package dev.hivemind.benchmarks.throughput;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the process that runs this has used. */
final class OwnProcess {

    private static final OperatingSystemMXBean PROCESS =
            ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String RESIDENT = "VmRSS:";
    private static final int KIB = 1_024;

    private OwnProcess() {}

    /** Processor time up to now, all threads and the kernel's part. */
    static double cpuMillis() {
        return PROCESS.getProcessCpuTime() / 1e6;
    }

    /** Memory that is resident now, in MiB; not a number where the system does not tell. */
    static double residentMiB() {
        try (var lines = Files.lines(STATUS)) {
            return lines.filter(line -> line.startsWith(RESIDENT))
                    .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) / KIB)
                    .findFirst()
                    .orElse(Double.NaN);
        } catch (IOException e) {
            return Double.NaN;
        }
    }

    /** Time that compilers have spent, all of their threads together. */
    static double compileMillis() {
        return ManagementFactory.getCompilationMXBean().getTotalCompilationTime();
    }
}
