package dev.hivemind.moe.expert;

import java.time.Duration;
import java.util.List;

/**
 * {@code nop_delay}: returns what it is given, after a while in which the expert is busy with that batch. No thread waits
 * meanwhile: other experts of the server are computed as ever. For testing how callers deal with slow experts.
 */
public final class DelayedNopExpert implements ExpertFactory {

    /** The name of this kind. */
    public static final String NAME = "nop_delay";

    /** How long each batch takes. */
    public static final ExpertOption<Duration> DELAY =
            ExpertOption.duration("delay", "how long each batch takes", Duration.ofMillis(500), Duration.ofMinutes(10));

    /** For {@link java.util.ServiceLoader}. */
    public DelayedNopExpert() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String description() {
        return "returns what it is given after a while";
    }

    @Override
    public List<ExpertOption<?>> options() {
        return List.of(ExpertOption.HIDDEN_DIM, DELAY);
    }

    @Override
    public ExpertDefinition create(ExpertOptions options) {
        options.requireKnownTo(this);
        return NopExpert.identity(options.get(ExpertOption.HIDDEN_DIM), options.get(DELAY));
    }
}
