package dev.hivemind.moe.server.batching;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDList;
import java.time.Duration;

/**
 * What became of a batch.
 *
 * @param results with as many rows as the batch
 * @param commit makes the changes that the batch brings about, on the same thread, or none at all; its time counts as
 *     time of the batch
 * @param pause how long the results are held back, and the group with them, without occupying the device
 */
public record Computation(NDList results, Runnable commit, Duration pause) {

    public Computation {
        requireNonNull(results, "results");
        requireNonNull(commit, "commit");
        requireNonNull(pause, "pause");
    }

    /** Results that change nothing. */
    public static Computation of(NDList results) {
        return new Computation(results, () -> {}, Duration.ZERO);
    }

    /** The same, held back for a while. */
    public Computation pausing(Duration time) {
        return new Computation(results, commit, time);
    }
}
