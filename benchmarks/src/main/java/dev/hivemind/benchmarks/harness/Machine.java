package dev.hivemind.benchmarks.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** What figures depend on, beside the code. */
public final class Machine {

    private static final Path CPUS = Path.of("/proc/cpuinfo");

    private Machine() {}

    /** The row that comes before all others: what is measured, how, where and when. */
    public static Row describe(Benchmark benchmark, Plan plan) {
        return new Row()
                .put("benchmark", benchmark.name())
                .put("commit", System.getProperty("hivemind.benchmarks.commit", "unknown"))
                .put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString())
                .put("jdk", Runtime.version().toString())
                .put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"))
                .put("cpu", cpu())
                .put("cores", Runtime.getRuntime().availableProcessors())
                .put("repetitions", plan.repetitions())
                .put("sliceMillis", plan.slice().toMillis());
    }

    private static String cpu() {
        try (var lines = Files.lines(CPUS)) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElseGet(Machine::architecture);
        } catch (IOException e) {
            return architecture();
        }
    }

    private static String architecture() {
        return System.getProperty("os.arch");
    }
}
