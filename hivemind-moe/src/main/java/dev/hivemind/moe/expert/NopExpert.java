package dev.hivemind.moe.expert;

import dev.hivemind.rsocket.tensor.ElementType;
import java.time.Duration;
import java.util.List;

/** {@code nop}: returns what it is given, without any parameters. For measuring everything but computation. */
public final class NopExpert implements ExpertFactory {

    /** The name of this kind. */
    public static final String NAME = "nop";

    /** For {@link java.util.ServiceLoader}. */
    public NopExpert() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String description() {
        return "returns what it is given";
    }

    @Override
    public List<ExpertOption<?>> options() {
        return List.of(ExpertOption.HIDDEN_DIM);
    }

    @Override
    public ExpertDefinition create(ExpertOptions options) {
        options.requireKnownTo(this);
        return identity(options.get(ExpertOption.HIDDEN_DIM), Duration.ZERO);
    }

    static ExpertDefinition identity(int width, Duration pause) {
        return new ExpertDefinition(
                new IdentityBlock(),
                List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, width)),
                List.of(TensorSpec.of("y", ElementType.FLOAT32, TensorSpec.BATCH, width)),
                pause);
    }
}
