package dev.hivemind.moe.training;

import dev.hivemind.moe.training.StepReport.Totals;
import java.util.OptionalDouble;

/** What a step of the local optimizer did; {@link StepReport} tells the meanings. */
record LocalStep(Gathered batches, int step, double gradientNorm, double learningRate) {

    StepReport report(Totals totals) {
        return new StepReport(
                step,
                batches.epoch(),
                batches.last(),
                batches.rows(),
                batches.loss(),
                batches.accuracy(),
                gradientNorm,
                learningRate,
                batches.staleness(),
                totals);
    }

    /** What batches that make one step have brought together; averages are over all their rows. */
    record Gathered(int count, int epoch, long last, int rows, double loss, OptionalDouble accuracy, int staleness) {

        /** Nothing yet. */
        static final Gathered NONE = new Gathered(0, 0, 0, 0, 0, OptionalDouble.empty(), 0);

        Gathered with(Share share, int staleness) {
            int all = rows + share.batch().rows();
            return new Gathered(
                    count + 1,
                    share.batch().epoch(),
                    share.batch().index(),
                    all,
                    average(loss, share.loss(), share, all),
                    accuracy(share, all),
                    Math.max(this.staleness, staleness));
        }

        private OptionalDouble accuracy(Share share, int all) {
            return share.accuracy().isEmpty()
                    ? OptionalDouble.empty()
                    : OptionalDouble.of(
                            average(accuracy.orElse(0), share.accuracy().getAsDouble(), share, all));
        }

        private double average(double before, double added, Share share, int all) {
            return rows == 0 ? added : (before * rows + added * share.batch().rows()) / all;
        }
    }

    /**
     * What one batch brings.
     *
     * @param run that it belongs to
     * @param weights that it read, with its gradients
     */
    record Share(Batch batch, int run, Weights weights, double loss, OptionalDouble accuracy) {}
}
