package dev.hivemind.launcher.server;

import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
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

    @Option(
            names = "--scheduler",
            paramLabel = "NAME",
            defaultValue = "none",
            description =
                    "How the learning rate changes with the steps of an expert: none, linear or cosine. The latter"
                            + " rise to it and fall to 0. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private SchedulerChoice scheduler;

    @Option(
            names = "--num-warmup-steps",
            paramLabel = "N",
            converter = NumberConverters.NotNegative.class,
            description = "For how many steps it rises. Default: 0.")
    private @Nullable Integer warmupSteps;

    @Option(
            names = "--num-training-steps",
            paramLabel = "N",
            converter = NumberConverters.Positive.class,
            description = "After how many steps it has fallen to 0. Needed for linear and cosine.")
    private @Nullable Integer trainingSteps;

    /** @throws IllegalArgumentException if the schedule is none */
    LearningOptions options() {
        return new LearningOptions(
                optimizer,
                learningRate != null ? learningRate : optimizer.defaultLearningRate(),
                maxGradientNorm,
                schedule());
    }

    private LearningRateSchedule schedule() {
        if (scheduler == SchedulerChoice.NONE) {
            requireNoSteps();
            return LearningRateSchedule.constant();
        }
        int warmup = warmupSteps == null ? 0 : warmupSteps;
        if (trainingSteps == null || trainingSteps <= warmup) {
            throw new IllegalArgumentException(
                    "A --scheduler needs --num-training-steps above --num-warmup-steps (%d)".formatted(warmup));
        }
        return scheduler == SchedulerChoice.LINEAR
                ? new LearningRateSchedule.Linear(warmup, trainingSteps)
                : new LearningRateSchedule.Cosine(warmup, trainingSteps, 0);
    }

    private void requireNoSteps() {
        if (warmupSteps != null || trainingSteps != null) {
            throw new IllegalArgumentException(
                    "--num-warmup-steps and --num-training-steps need a --scheduler, linear or cosine");
        }
    }

    private enum SchedulerChoice {
        NONE,
        LINEAR,
        COSINE
    }
}
