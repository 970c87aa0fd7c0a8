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

    /** How many times as wide the inner layer is. */
    public static final ExpertOption<Integer> EXPANSION =
            ExpertOption.integer("expansion", "how many times as wide the inner layer is", 4, 1, 16);

    /** For {@link java.util.ServiceLoader}. */
    public FeedForwardExpert() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String description() {
        return "two linear layers with a GELU between them, a residual connection, and a layer normalization";
    }

    @Override
    public List<ExpertOption<?>> options() {
        return List.of(ExpertOption.HIDDEN_DIM, EXPANSION);
    }

    @Override
    public ExpertDefinition create(ExpertOptions options) {
        options.requireKnownTo(this);
        int width = options.get(ExpertOption.HIDDEN_DIM);
        return new ExpertDefinition(
                new FeedForwardBlock(width, width * options.get(EXPANSION), options.seed()),
                List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, width)),
                List.of(TensorSpec.of("y", ElementType.FLOAT32, TensorSpec.BATCH, width)));
    }
}
