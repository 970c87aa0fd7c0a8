package dev.hivemind.launcher.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What is to be measured.
 *
 * @param presets of the throughput of servers, and {@link #DHT}; none twice
 * @param thorough whether to measure for so long that figures can be kept
 * @param nodes of the swarm whose DHT is measured
 */
record Bench(List<String> presets, boolean thorough, int nodes) {

    /** The preset that measures the DHT. */
    static final String DHT = "dht";

    private static final List<String> THROUGHPUT = List.of(
            "ffn_forward_backward",
            "ffn_forward",
            "ffn_small_batch",
            "many_small",
            "nop",
            "nop_b32",
            "h256_forward",
            "latency_nop",
            "latency_ffn",
            "start");

    /** Every preset that there is. */
    static List<String> known() {
        return Stream.concat(THROUGHPUT.stream(), Stream.of(DHT)).toList();
    }

    /** The arguments of each run of the benchmarks that this takes. */
    List<List<String>> runs() {
        List<List<String>> runs = new ArrayList<>();
        List<String> throughput =
                presets.stream().filter(preset -> !preset.equals(DHT)).toList();
        if (!throughput.isEmpty()) {
            runs.add(run("throughput", "--filter", throughput.stream().collect(Collectors.joining("|", "^(", ")$"))));
        }
        if (presets.contains(DHT)) {
            runs.add(run("dht", "--nodes", String.valueOf(nodes)));
        }
        return runs;
    }

    private List<String> run(String... arguments) {
        List<String> run = new ArrayList<>(List.of(arguments));
        run.add("--json");
        if (!thorough) {
            run.add("--quick");
        }
        return run;
    }
}
