package dev.hivemind.moe.training;

import java.util.function.Predicate;

/**
 * Says when to stop: after so many evaluations in a row without a better loss than the best before. For {@code takeUntil}:
 *
 * <pre>{@code
 * Flux.range(0, 100)
 *         .concatMap(epoch -> pipeline.train(reader.epoch(epoch)).then(pipeline.evaluate(test)), 0)
 *         .takeUntil(EarlyStopping.after(3))
 * }</pre>
 *
 * <p>Remembers what it was asked, so each training has its own. Not thread-safe.
 */
public final class EarlyStopping implements Predicate<Evaluation> {

    private final int patience;
    private final double minImprovement;
    private double best = Double.POSITIVE_INFINITY;
    private int inVain;

    private EarlyStopping(int patience, double minImprovement) {
        this.patience = patience;
        this.minImprovement = minImprovement;
    }

    /** After {@code patience} evaluations, at least 1, that were not better. */
    public static EarlyStopping after(int patience) {
        return after(patience, 0);
    }

    /**
     * After {@code patience} evaluations, at least 1, that were not better by more than {@code minImprovement}, at least 0.
     */
    public static EarlyStopping after(int patience, double minImprovement) {
        if (patience < 1 || !(minImprovement >= 0)) {
            throw new IllegalArgumentException("patience is at least 1 and minImprovement at least 0, not %d and %s"
                    .formatted(patience, minImprovement));
        }
        return new EarlyStopping(patience, minImprovement);
    }

    /** Whether to stop after this evaluation. A loss that is not a number is not better. */
    @Override
    public boolean test(Evaluation evaluation) {
        if (evaluation.loss() < best - minImprovement) {
            best = evaluation.loss();
            inVain = 0;
        } else {
            inVain++;
        }
        return inVain >= patience;
    }
}
