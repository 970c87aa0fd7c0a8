package dev.hivemind.benchmarks.wire;

import dev.hivemind.benchmarks.harness.Benchmark;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;

/** Throughput, latency, processor time and memory of the wire. */
public final class WireBenchmark implements Benchmark {

    @Override
    public String name() {
        return "wire";
    }

    @Override
    public String description() {
        return "Calls and streams beside a bare socket, gRPC and blocking NIO.";
    }

    @Override
    public void run(Plan plan, Report report) throws Exception {
        try (var contenders = new Contenders()) {
            var throughput = new ThroughputRows(contenders, plan, report);
            var latency = new LatencyRows(contenders, plan, report);
            var processor = new ProcessorRows(contenders, plan, report);
            if (throughput.isSelected() || latency.isSelected() || processor.isSelected()) {
                WarmUp.run(contenders, plan, report);
            }
            throughput.measureAll();
            latency.measureAll();
            processor.measureAll();
            new ContentionRows(contenders, plan, report).measureAll();
            new NonReaderRows(contenders, plan, report).measureAll();
        }
    }
}
