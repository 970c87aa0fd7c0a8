package dev.hivemind.moe.expert;

import dev.hivemind.rsocket.tensor.ElementType;
import java.util.List;

/**
 * {@code ffn}: two linear layers with a GELU between them, a residual connection around them and a layer normalization
 * behind, as in a transformer. Rows are independent of each other.
 */
public final class FeedForwardExpert implements ExpertFactory {

    /** The name of this kind. */
    public static final String NAME = "ffn";

    /** For {@link java.util.ServiceLoader}. */
    public FeedForwardExpert() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public ExpertDefinition create(ExpertOptions options) {
        int width = options.hiddenDim();
        return new ExpertDefinition(
                new FeedForwardBlock(width, options.seed()),
                List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, width)),
                List.of(TensorSpec.of("y", ElementType.FLOAT32, TensorSpec.BATCH, width)));
    }
}
