package dev.hivemind.benchmarks.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Steps of a mixture with a batch that stays the same, so that it is known how many rows each expert gets. */
final class RemoteSteps implements AutoCloseable {

    private static final int K_BEST = 4;

    private final NDManager manager = TensorOps.newManager();
    private final RemoteMixtureOfExperts mixture;
    private final NDArray samples;

    RemoteSteps(ExpertClient client, ExpertGrid grid, int rows, int width) {
        this.mixture = RemoteMixtureOfExperts.builder(client, manager)
                .grid(grid)
                .inFeatures(width)
                .kBest(K_BEST)
                .build();
        this.samples = manager.randomNormal(new Shape(rows, width));
        samples.setRequiresGradient(true);
    }

    void forward() {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            TensorOps.setGradMode(false);
            mixture.forward(tape, samples);
        }
    }

    void forwardAndBackward() {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            tape.backward(mixture.forward(tape, samples).square().mean());
        }
        TensorOps.zeroGradient(samples);
        mixture.parameters().forEach(TensorOps::zeroGradient);
    }

    /** How many rows go to each distinct expert. */
    List<Integer> groups() {
        Map<Object, Long> before = new LinkedHashMap<>(mixture.statistics().rowsByExpert());
        forward();
        return mixture.statistics().rowsByExpert().entrySet().stream()
                .map(after -> Math.toIntExact(after.getValue() - before.getOrDefault(after.getKey(), 0L)))
                .filter(rows -> rows > 0)
                .toList();
    }

    long calls() {
        return mixture.statistics().calls();
    }

    @Override
    public void close() {
        manager.close();
    }
}
