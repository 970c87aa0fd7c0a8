package dev.hivemind.moe.training;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A batch led to a loss or a gradient that is not a finite number, so that no step was taken. The local weights are the last
 * good ones.
 */
public final class DivergedException extends RuntimeException {

    private final String what;
    private final int step;
    private final long batch;
    private final transient @Nullable Suspect suspect;

    DivergedException(String what, int step, long batch, @Nullable Suspect suspect) {
        super("%s of batch %d is not finite. %s The local weights are those of step %d. %s"
                .formatted(
                        what,
                        batch,
                        suspect == null
                                ? "All numbers before it are."
                                : "The first such numbers are %s.".formatted(suspect.where()),
                        step,
                        "Lower the learning rate, or clip gradients."));
        this.what = what;
        this.step = step;
        this.batch = batch;
        this.suspect = suspect;
    }

    /** The same, when its turn has come: batches before it may have made steps meanwhile. */
    DivergedException at(int step) {
        var same = new DivergedException(what, step, batch, suspect);
        same.setStackTrace(getStackTrace());
        return same;
    }

    /** Steps that were made before, which the weights are those of. */
    public int step() {
        return step;
    }

    /** Index of the batch. */
    public long batch() {
        return batch;
    }

    /** Name of the first segment whose outputs were not finite, if the inputs of the model were. */
    public Optional<String> segment() {
        return Optional.ofNullable(suspect).map(Suspect::segment);
    }

    /**
     * Where numbers began to be not finite.
     *
     * @param segment that made them; null for the batch itself
     * @param where the same for people
     */
    record Suspect(@Nullable String segment, String where) {}
}
