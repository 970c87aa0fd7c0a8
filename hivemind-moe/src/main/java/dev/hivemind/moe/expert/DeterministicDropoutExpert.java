package dev.hivemind.moe.expert;

import dev.hivemind.rsocket.tensor.ElementType;
import java.util.List;

/**
 * {@code det_dropout}: two linear layers with a ReLU between them, behind a dropout whose mask the caller chooses, so that
 * the backward pass, which computes the outputs again, drops the same features.
 */
public final class DeterministicDropoutExpert implements ExpertFactory {

    /** The name of this kind. */
    public static final String NAME = "det_dropout";

    /** The part of features that callers drop. */
    public static final ExpertOption<Double> DROPOUT = ExpertOption.fraction(
            "dropout", "the part of features that masks drop; the others are scaled up for it", 0.2, 0, 1);

    /** For {@link java.util.ServiceLoader}. */
    public DeterministicDropoutExpert() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String description() {
        return "two linear layers behind a dropout whose mask is an input";
    }

    @Override
    public List<ExpertOption<?>> options() {
        return List.of(ExpertOption.HIDDEN_DIM, DROPOUT);
    }

    @Override
    public ExpertDefinition create(ExpertOptions options) {
        options.requireKnownTo(this);
        int width = options.get(ExpertOption.HIDDEN_DIM);
        return new ExpertDefinition(
                new DeterministicDropoutBlock(width, options.get(DROPOUT), options.seed()),
                List.of(
                        TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, width),
                        TensorSpec.of("mask", ElementType.BOOL, TensorSpec.BATCH, width)),
                List.of(TensorSpec.of("y", ElementType.FLOAT32, TensorSpec.BATCH, width)));
    }
}
