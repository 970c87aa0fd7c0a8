package dev.hivemind.launcher.server;

import dev.hivemind.launcher.options.NumberConverters;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How the experts of a server learn. */
final class LearningChoice {

    @Option(
            names = "--optimizer",
            paramLabel = "NAME",
            defaultValue = "sgd",
            description = "How the experts learn: sgd, adam or none. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private OptimizerChoice optimizer;

    @Option(
            names = "--learning-rate",
            paramLabel = "X",
            converter = NumberConverters.PositiveReal.class,
            description = "How far one step goes. Default: 0.05 for sgd, 0.001 for adam.")
    private @Nullable Double learningRate;

    @Option(
            names = "--clip-grad-norm",
            paramLabel = "X",
            converter = NumberConverters.PositiveReal.class,
            description = "Scale gradients down whose norm is larger than this. Default: none.")
    private @Nullable Double maxGradientNorm;

    LearningOptions options() {
        return new LearningOptions(
                optimizer, learningRate != null ? learningRate : optimizer.defaultLearningRate(), maxGradientNorm);
    }
}
