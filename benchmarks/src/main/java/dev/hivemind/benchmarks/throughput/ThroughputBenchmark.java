package dev.hivemind.benchmarks.throughput;

import dev.hivemind.benchmarks.harness.Benchmark;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import java.util.List;

/** Samples per second of a server, beside those of its blocks alone; processor time, latency and memory. */
public final class ThroughputBenchmark implements Benchmark {

    @Override
    public String name() {
        return "throughput";
    }

    @Override
    public String description() {
        return "A server of experts beside the bare blocks; rows are presets.";
    }

    /** The names of all presets. */
    public static List<String> presets() {
        return Preset.all().stream().map(Preset::name).toList();
    }

    @Override
    public void run(Plan plan, Report report) throws Exception {
        for (Preset preset : Preset.all()) {
            if (plan.selects(preset.name())) {
                report.progress("preset " + preset.name());
                try (var run = PresetRun.start(preset)) {
                    report.row(run.measure(plan));
                }
            }
        }
    }
}
