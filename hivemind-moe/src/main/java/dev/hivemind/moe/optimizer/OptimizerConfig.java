package dev.hivemind.moe.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Map;

/** Which optimizer, and its settings. */
public sealed interface OptimizerConfig {

    /** What {@link Adam} without decay takes off the weights. */
    double NO_WEIGHT_DECAY = 0;

    /** The default: stochastic gradient descent without momentum, at a learning rate of 0.05. */
    static OptimizerConfig sgd() {
        return sgd(Sgd.DEFAULT_LEARNING_RATE);
    }

    /** Stochastic gradient descent without momentum. */
    static OptimizerConfig sgd(double learningRate) {
        return new Sgd(learningRate, 0);
    }

    /** Adam with PyTorch's defaults. */
    static OptimizerConfig adam() {
        return adam(Adam.DEFAULT_LEARNING_RATE);
    }

    /** Adam with PyTorch's defaults for all but the learning rate. */
    static OptimizerConfig adam(double learningRate) {
        return new Adam(learningRate, Adam.DEFAULT_BETA1, Adam.DEFAULT_BETA2, Adam.DEFAULT_EPSILON);
    }

    /** AdamW with PyTorch's defaults for all but the learning rate. */
    static OptimizerConfig adamW(double learningRate) {
        return new AdamW(
                new Adam(learningRate, Adam.DEFAULT_BETA1, Adam.DEFAULT_BETA2, Adam.DEFAULT_EPSILON),
                AdamW.DEFAULT_WEIGHT_DECAY);
    }

    /** No optimizer: the expert stays as it is. */
    static OptimizerConfig frozen() {
        return new Frozen();
    }

    /** What a schedule takes its part of; 0 if nothing is learned. */
    double learningRate();

    /** Whether parameters change. */
    default boolean isTrainable() {
        return !(this instanceof Frozen);
    }

    /**
     * An optimizer for these parameters, with fresh state.
     *
     * @param manager that the state belongs to, as long as the optimizer is open
     * @param parameters by name; borrowed
     */
    default ExpertOptimizer create(NDManager manager, Map<String, NDArray> parameters) {
        if (this instanceof Sgd sgd) {
            return new SgdOptimizer(sgd, manager, parameters);
        } else if (this instanceof Adam adam) {
            return new AdamOptimizer(adam, NO_WEIGHT_DECAY, manager, parameters);
        } else if (this instanceof AdamW adamW) {
            return new AdamOptimizer(adamW.adam(), adamW.weightDecay(), manager, parameters);
        }
        return new FrozenOptimizer();
    }

    /**
     * Stochastic gradient descent in PyTorch's form: {@code velocity = momentum * velocity + gradient}, then
     * {@code weight -= learningRate * velocity}.
     *
     * @param learningRate above 0
     * @param momentum at least 0 and below 1; 0 keeps no velocity
     */
    record Sgd(double learningRate, double momentum) implements OptimizerConfig {

        /** hivemind's default. */
        public static final double DEFAULT_LEARNING_RATE = 0.05;

        public Sgd {
            require(isPositive(learningRate), "learningRate is above 0, not " + learningRate);
            require(isFraction(momentum), "momentum lies between 0 (inclusive) and 1 (exclusive), not " + momentum);
        }
    }

    /**
     * Adam in PyTorch's form, without weight decay.
     *
     * @param learningRate above 0
     * @param beta1 decay of the first moment, at least 0 and below 1
     * @param beta2 decay of the second moment, at least 0 and below 1
     * @param epsilon above 0
     */
    record Adam(double learningRate, double beta1, double beta2, double epsilon) implements OptimizerConfig {

        /** PyTorch's default. */
        public static final double DEFAULT_LEARNING_RATE = 1e-3;
        /** PyTorch's default. */
        public static final double DEFAULT_BETA1 = 0.9;
        /** PyTorch's default. */
        public static final double DEFAULT_BETA2 = 0.999;
        /** PyTorch's default. */
        public static final double DEFAULT_EPSILON = 1e-8;

        public Adam {
            require(isPositive(learningRate), "learningRate is above 0, not " + learningRate);
            require(isFraction(beta1), "beta1 lies between 0 (inclusive) and 1 (exclusive), not " + beta1);
            require(isFraction(beta2), "beta2 lies between 0 (inclusive) and 1 (exclusive), not " + beta2);
            require(isPositive(epsilon), "epsilon is above 0, not " + epsilon);
        }
    }

    /**
     * Adam with decoupled weight decay, in PyTorch's form: {@code weight *= 1 - learningRate * weightDecay}, then a step
     * of Adam. The decay follows the schedule of the learning rate.
     *
     * @param adam settings of the step
     * @param weightDecay at least 0; {@code learningRate * weightDecay} is below 1
     */
    record AdamW(Adam adam, double weightDecay) implements OptimizerConfig {

        /** PyTorch's default. */
        public static final double DEFAULT_WEIGHT_DECAY = 1e-2;

        public AdamW {
            require(
                    isFraction(adam.learningRate() * weightDecay),
                    "weightDecay is at least 0, and times learningRate below 1, not " + weightDecay);
        }

        @Override
        public double learningRate() {
            return adam.learningRate();
        }
    }

    /** Nothing changes. */
    record Frozen() implements OptimizerConfig {

        @Override
        public double learningRate() {
            return 0;
        }
    }

    private static boolean isPositive(double value) {
        // The engine computes with single precision, in which the value may be 0 or infinite.
        return (float) value > 0 && (float) value < Float.POSITIVE_INFINITY;
    }

    private static boolean isFraction(double value) {
        // The engine computes with single precision, in which the value may be 1.
        return value >= 0 && (float) value < 1;
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
