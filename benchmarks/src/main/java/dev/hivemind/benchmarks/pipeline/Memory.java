package dev.hivemind.benchmarks.pipeline;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import reactor.core.publisher.Mono;

/**
 * Memory of this process without garbage. All of the heap is resident from the start, so that the resident set grows by what
 * lies outside of it alone.
 *
 * @param residentMiB heap and all else; not a number where the system does not tell
 * @param heapMiB of the heap, what is used
 */
record Memory(double residentMiB, double heapMiB) {

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String RESIDENT = "VmRSS:";
    private static final double KIB_PER_MIB = 1_024;
    private static final double BYTES_PER_MIB = 1 << 20;
    private static final Duration SETTLING = Duration.ofSeconds(1);

    static Memory now() {
        System.gc();
        Mono.delay(SETTLING).block();
        System.gc();
        long used = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
        return new Memory(resident(), used / BYTES_PER_MIB);
    }

    private static double resident() {
        try (var lines = Files.lines(STATUS)) {
            return lines.filter(line -> line.startsWith(RESIDENT))
                    .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) / KIB_PER_MIB)
                    .findFirst()
                    .orElse(Double.NaN);
        } catch (IOException e) {
            return Double.NaN;
        }
    }
}
