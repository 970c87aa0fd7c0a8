package dev.hivemind.samples.trainer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A local linear layer, a mixture of remote experts, a local linear layer. Without the mixture, what is left is a linear
 * classifier. Owns the local parameters until it is closed; used by one thread at a time.
 */
public final class PictureClassifier implements AutoCloseable {

    private final NDManager manager;
    private final DenseLayer encoder;
    private final DenseLayer decoder;
    private final @Nullable RemoteMixtureOfExperts mixture;

    private PictureClassifier(
            NDManager manager, DenseLayer encoder, DenseLayer decoder, @Nullable RemoteMixtureOfExperts mixture) {
        this.manager = manager;
        this.encoder = encoder;
        this.decoder = decoder;
        this.mixture = mixture;
    }

    /** The model without experts. */
    public static PictureClassifier linear(ModelSize size, long seed) {
        NDManager manager = TensorOps.newManager();
        var random = new SplittableRandom(seed);
        var encoder = DenseLayer.create(manager, size.features(), size.hiddenDim(), random);
        var decoder = DenseLayer.create(manager, size.hiddenDim(), size.classes(), random);
        return new PictureClassifier(manager, encoder, decoder, null);
    }

    /**
     * The model with a mixture of the experts of a grid. The local layers start like those of
     * {@link #linear(ModelSize, long)} with the same seed.
     */
    public static PictureClassifier withExperts(
            ModelSize size, long seed, ExpertClient client, MixtureOptions options) {
        PictureClassifier linear = linear(size, seed);
        var mixture = RemoteMixtureOfExperts.builder(client, linear.manager)
                .grid(options.grid())
                .inFeatures(size.hiddenDim())
                .kBest(options.kBest())
                .seed(seed)
                .build();
        return new PictureClassifier(linear.manager, linear.encoder, linear.decoder, mixture);
    }

    /** Logits of shape {@code (rows, classes)} for pixels of shape {@code (rows, features)}. */
    NDArray logits(RemoteTape tape, NDArray pixels) {
        NDArray hidden = encoder.apply(pixels);
        return decoder.apply(mixture == null ? hidden : mixture.forward(tape, hidden));
    }

    /** Everything that is trained here, by name. */
    Map<String, NDArray> parameters() {
        Map<String, NDArray> parameters = new LinkedHashMap<>();
        parameters.put("encoder.weight", encoder.weight());
        parameters.put("encoder.bias", encoder.bias());
        parameters.put("decoder.weight", decoder.weight());
        parameters.put("decoder.bias", decoder.bias());
        if (mixture != null) {
            NDList gate = mixture.parameters();
            parameters.put("gate.weight", gate.get(0));
            parameters.put("gate.bias", gate.get(1));
        }
        return parameters;
    }

    NDManager manager() {
        return manager;
    }

    /** Experts that answered in the latest step; 0 for a model without. */
    int expertsAnswering() {
        return mixture == null ? 0 : mixture.statistics().expertsAnswering();
    }

    /** The mixture, whose counters tell what it did; null for a model without. */
    public @Nullable RemoteMixtureOfExperts mixture() {
        return mixture;
    }

    @Override
    public void close() {
        manager.close();
    }

    /**
     * The widths of a model.
     *
     * @param features pixels of a picture
     * @param hiddenDim width of the experts
     * @param classes to tell apart
     */
    public record ModelSize(int features, int hiddenDim, int classes) {}

    /**
     * Which experts a model uses.
     *
     * @param grid where they lie
     * @param kBest how many each picture is sent to
     */
    public record MixtureOptions(ExpertGrid grid, int kBest) {}
}
