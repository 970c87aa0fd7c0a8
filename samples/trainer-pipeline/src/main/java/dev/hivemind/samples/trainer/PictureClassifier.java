package dev.hivemind.samples.trainer;

import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.training.Loss;
import dev.hivemind.moe.training.Metric;
import dev.hivemind.moe.training.TrainingPipeline;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** A local linear layer, a mixture of remote experts, a local linear layer. */
public final class PictureClassifier {

    private PictureClassifier() {}

    /**
     * The segments of the model, its loss and its metric; how it learns is left to the caller.
     *
     * @param client computes, and calls the experts
     * @param manager owns the local weights
     * @param mixture between the local layers; null for none, which leaves a linear classifier
     * @param seed determines the local weights, with a mixture or without
     */
    public static TrainingPipeline.Builder describe(
            ExpertClient client,
            NDManager manager,
            ModelSize size,
            @Nullable RemoteMixtureOfExperts mixture,
            long seed) {
        var random = new SplittableRandom(seed);
        var encoder = DenseLayer.create(manager, size.features(), size.hiddenDim(), random);
        var decoder = DenseLayer.create(manager, size.hiddenDim(), size.classes(), random);
        var pipeline = TrainingPipeline.builder(client).layer("encoder", encoder);
        if (mixture != null) {
            pipeline.mixture("experts", mixture);
        }
        return pipeline.layer("decoder", decoder).loss(Loss.crossEntropy()).metric(Metric.accuracy());
    }

    /**
     * The widths of a model.
     *
     * @param features pixels of a picture
     * @param hiddenDim width of the experts
     * @param classes to tell apart
     */
    public record ModelSize(int features, int hiddenDim, int classes) {}
}
