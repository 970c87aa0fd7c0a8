package dev.hivemind.moe.expert;

import java.util.List;

/**
 * Makes experts of one kind. Implementations are public classes with a public constructor without arguments, named in
 * {@code META-INF/services/dev.hivemind.moe.expert.ExpertFactory}, and safe for use from any thread.
 */
public interface ExpertFactory {

    /** The name by which operators choose this kind, for example {@code ffn}. Unique among all factories. */
    String name();

    /** What the experts compute, as half a sentence for operators. */
    String description();

    /** What operators can choose, always the same constants. */
    List<ExpertOption<?>> options();

    /**
     * A new expert, not yet initialized. Equal options give experts with equal parameters: initializers draw from the
     * seed alone, never from the engine's generator, which all threads share.
     *
     * @throws IllegalArgumentException if an option is not one of {@link #options()}, or its value does not go with
     *     others, with a message for operators
     */
    ExpertDefinition create(ExpertOptions options);
}
