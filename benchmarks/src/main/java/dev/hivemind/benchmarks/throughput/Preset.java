package dev.hivemind.benchmarks.throughput;

import dev.hivemind.moe.expert.FeedForwardExpert;
import dev.hivemind.moe.expert.NopExpert;
import dev.hivemind.moe.server.batching.BatchLimits;
import dev.hivemind.moe.server.batching.DeviceThreads;
import java.time.Duration;
import java.util.List;

/**
 * What is hosted, and what is asked of it.
 *
 * @param kind of the experts
 * @param experts how many are hosted; a client chooses one for each batch
 * @param clients how many call at the same time
 * @param batches how many each client has computed from a cold start
 * @param hiddenDim width of inputs and outputs
 * @param rows of a call
 * @param maxBatchSize the most rows that the server computes together
 * @param minBatchSize rows that the server waits for, for {@link #LINGER} at most
 * @param training whether each forward call is followed by the backward call
 * @param slices how many slices of the plan a turn lasts, so that it holds enough batches
 */
record Preset(
        String name,
        String kind,
        int experts,
        int clients,
        int batches,
        int hiddenDim,
        int rows,
        int maxBatchSize,
        int minBatchSize,
        boolean training,
        int slices) {

    /** How long a server waits for enough rows. */
    static final Duration LINGER = Duration.ofMillis(50);

    private static final int CALLS_PER_BATCH = 4;
    private static final int SLICES = 3;
    private static final int SLICES_OF_LONG_CALLS = 12;

    private static final List<Preset> ALL = List.of(
            ofFfn("ffn_forward_backward", 4, 4, 2, 1_024, 2_048).withTraining().withSlices(SLICES_OF_LONG_CALLS),
            ofFfn("ffn_forward", 4, 4, 8, 1_024, 2_048).withSlices(SLICES_OF_LONG_CALLS / 2),
            ofFfn("ffn_small_batch", 4, 8, 64, 1_024, 32),
            ofFfn("many_small", 1, 32, 16, 1_024, 1)
                    .withTraining()
                    .withBatchSizes(32, BatchLimits.DEFAULT_MAX_BATCH_SIZE)
                    .withSlices(2 * SLICES),
            ofNop("nop", 4, 4, 16, 2_048),
            ofNop("nop_b32", 4, 8, 64, 32),
            ofFfn("h256_forward", 4, 4, 16, 256, 2_048),
            ofNop("latency_nop", 1, 1, 400, 1),
            ofFfn("latency_ffn", 1, 1, 400, 1_024, 1));

    private static Preset ofFfn(String name, int experts, int clients, int batches, int hiddenDim, int rows) {
        return forward(name, FeedForwardExpert.NAME, experts, clients, batches, hiddenDim, rows);
    }

    private static Preset ofNop(String name, int experts, int clients, int batches, int rows) {
        return forward(name, NopExpert.NAME, experts, clients, batches, 1_024, rows);
    }

    private static Preset forward(
            String name, String kind, int experts, int clients, int batches, int hiddenDim, int rows) {
        return new Preset(
                name, kind, experts, clients, batches, hiddenDim, rows, CALLS_PER_BATCH * rows, 1, false, SLICES);
    }

    private Preset withTraining() {
        return new Preset(
                name, kind, experts, clients, batches, hiddenDim, rows, maxBatchSize, minBatchSize, true, slices);
    }

    private Preset withBatchSizes(int min, int max) {
        return new Preset(name, kind, experts, clients, batches, hiddenDim, rows, max, min, training, slices);
    }

    private Preset withSlices(int count) {
        return new Preset(
                name, kind, experts, clients, batches, hiddenDim, rows, maxBatchSize, minBatchSize, training, count);
    }

    /** Every preset, in the order of the peer's table. */
    static List<Preset> all() {
        return ALL;
    }

    /** @throws IllegalArgumentException if there is none of this name */
    static Preset named(String name) {
        return ALL.stream()
                .filter(preset -> preset.name.equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("There is no preset '%s'".formatted(name)));
    }

    /** The name of a hosted expert. */
    static String uid(int expert) {
        return "expert." + expert;
    }

    /** How a server on this machine computes these experts. */
    DeviceThreads threads() {
        return DeviceThreads.choose("bare", experts, Runtime.getRuntime().availableProcessors());
    }
}
