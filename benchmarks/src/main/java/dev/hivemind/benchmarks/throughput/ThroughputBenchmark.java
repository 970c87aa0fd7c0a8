package dev.hivemind.benchmarks.throughput;

import dev.hivemind.benchmarks.harness.Benchmark;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import java.util.List;
import java.util.stream.Stream;

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

    /** The names of all rows: the presets, and the start of a server. */
    public static List<String> presets() {
        return Stream.concat(Preset.all().stream().map(Preset::name), Stream.of(ServerStart.NAME))
                .toList();
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
        if (plan.selects(ServerStart.NAME)) {
            report.progress("start of a server");
            report.row(ServerStart.measure(plan));
        }
    }
}
