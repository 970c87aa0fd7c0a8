package dev.hivemind.launcher.bench;

import dev.hivemind.launcher.options.HivemindCommand;
import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.launcher.options.Spelling;
import dev.hivemind.launcher.output.JsonOption;
import dev.hivemind.launcher.output.StatusLine;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code hivemind bench}: measures this machine. */
@Command(
        name = "bench",
        description = {
            "Measure how fast this machine serves experts, and the DHT.",
            "Runs benchmarks/run of this checkout, which is built when it is needed; benchmarks/RESULTS.md explains the"
                    + " figures, and has those of other machines."
        },
        footer = {
            "%nPresets: ffn_forward_backward, ffn_forward, ffn_small_batch, many_small, nop, nop_b32, h256_forward,",
            "latency_nop, latency_ffn, start, dht.",
            "%nExample: hivemind bench --preset latency_ffn,dht"
        })
public final class BenchCommand extends HivemindCommand implements Runnable {

    @Option(
            names = "--preset",
            paramLabel = "NAME",
            split = ",",
            splitSynopsisLabel = ",",
            defaultValue = "latency_ffn,ffn_small_batch,dht",
            description = "What to measure, with commas between them; see below. Default: ${DEFAULT-VALUE}.")
    private Set<String> presets = new LinkedHashSet<>();

    @Option(names = "--thorough", description = "Measure for minutes, for figures that can be kept. Default: briefly.")
    private boolean thorough;

    @Option(
            names = "--nodes",
            paramLabel = "N",
            defaultValue = "32",
            converter = NumberConverters.Positive.class,
            description = "How many nodes the DHT has. Default: ${DEFAULT-VALUE}.")
    private int nodes;

    @Mixin
    private JsonOption json = new JsonOption();

    /** A command whose options are not given yet. */
    public BenchCommand() {}

    @Override
    public void run() {
        presets.forEach(this::requireKnown);
        var bench = new Bench(List.copyOf(presets), thorough, nodes);
        var program = BenchmarkProgram.find();
        var progress = StatusLine.on(System.err);
        var display = new BenchDisplay(System.out, json.isGiven());
        for (List<String> arguments : bench.runs()) {
            program.run(arguments, display::add, progress);
        }
        display.end();
    }

    private void requireKnown(String preset) {
        if (!Bench.known().contains(preset)) {
            throw usageError("There is no preset '%s'%s"
                    .formatted(
                            preset,
                            Spelling.nearest(preset, Bench.known())
                                    .map("; did you mean '%s'?"::formatted)
                                    .orElse("")));
        }
    }
}
