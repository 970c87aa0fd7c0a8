package dev.hivemind.moe.training;

import java.util.OptionalDouble;

/**
 * One step of the local optimizer.
 *
 * @param step number of the step, counted from 1 and through resumed runs
 * @param epoch of the last batch of the step
 * @param batch index of the last batch of the step
 * @param rows of all batches of the step
 * @param loss average over these rows, before the step; what a switch adds to it is part of it
 * @param accuracy average of the metric over these rows, before the step; empty without a metric
 * @param gradientNorm Euclidean norm of the gradient over all local parameters, before it was clipped; 0 if there are none
 * @param learningRate of the step
 * @param staleness steps that other batches took between the reading of the weights and this step; of several accumulated
 *     batches, the most
 * @param totals since this run began
 */
public record StepReport(
        int step,
        int epoch,
        long batch,
        int rows,
        double loss,
        OptionalDouble accuracy,
        double gradientNorm,
        double learningRate,
        int staleness,
        Totals totals) {

    /**
     * What has come together since the run began, this step included.
     *
     * @param rows trained on
     * @param samplesPerSecond these rows by the time since the run began
     * @param calls to experts, forward and backward
     * @param failedCalls among them
     * @param expertsAnswering different experts that answered latest, over all remote layers
     * @param repeatedBatches how often a batch was tried again because experts were missing
     * @param lostBatches given up because experts failed on the way back, so that some may have learned from them and the
     *     local weights have not
     */
    public record Totals(
            long rows,
            double samplesPerSecond,
            long calls,
            long failedCalls,
            int expertsAnswering,
            long repeatedBatches,
            long lostBatches) {}
}
