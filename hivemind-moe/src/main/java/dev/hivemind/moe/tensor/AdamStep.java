package dev.hivemind.moe.tensor;

/**
 * The numbers of one step of Adam. The betas are single precision, as the engine applies them, so that the correction
 * of the bias fits the moments exactly.
 *
 * @param learningRate above 0
 * @param beta1 decay of the first moment, at least 0 and below 1
 * @param beta2 decay of the second moment, at least 0 and below 1
 * @param epsilon added to the root of the second moment, above 0
 * @param number of the step, from 1
 */
public record AdamStep(double learningRate, float beta1, float beta2, double epsilon, int number) {

    public AdamStep {
        if (number < 1) {
            throw new IllegalArgumentException("Steps are counted from 1, not " + number);
        }
    }

    /**
     * The engine divides by {@code sqrt(v) + e}, PyTorch by {@code sqrt(v / c2) + epsilon}; they agree when the factor
     * {@code sqrt(c2)} goes into both the learning rate and {@code e}.
     */
    double correctedLearningRate() {
        return learningRate * Math.sqrt(correction(beta2)) / correction(beta1);
    }

    double correctedEpsilon() {
        return epsilon * Math.sqrt(correction(beta2));
    }

    private double correction(double beta) {
        return 1 - Math.pow(beta, number);
    }
}
