package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import java.util.stream.IntStream;

/** What people judge a model by. Computed on the client's tensor thread, outside any graph. */
@FunctionalInterface
public interface Metric {

    /**
     * The average over the rows of a batch.
     *
     * @param outputs of the model's last segment
     * @param targets of the batch
     */
    double of(NDList outputs, NDList targets);

    /**
     * The share of rows whose greatest logit is that of their label, from 0 to 1; logits {@code (rows, classes)}, labels of
     * int64, {@code (rows)} or {@code (rows, 1)}.
     */
    static Metric accuracy() {
        return (outputs, targets) -> {
            try (NDArray best = outputs.head().argMax(1)) {
                long[] found = best.toLongArray();
                long[] labels = targets.head().toLongArray();
                return IntStream.range(0, found.length)
                        .mapToDouble(row -> found[row] == labels[row] ? 1 : 0)
                        .average()
                        .orElse(0);
            }
        };
    }
}
