package dev.hivemind.launcher.server;

/** How a server's experts learn from the gradients that they receive. */
enum OptimizerChoice {
    SGD(0.05),
    ADAM(0.001),
    NONE(0);

    private final double defaultLearningRate;

    OptimizerChoice(double defaultLearningRate) {
        this.defaultLearningRate = defaultLearningRate;
    }

    double defaultLearningRate() {
        return defaultLearningRate;
    }
}
