package dev.hivemind.moe.expert;

import static java.util.Objects.requireNonNull;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** What an operator has chosen for a new expert; the rest has its default. Immutable. */
public final class ExpertOptions {

    private final Map<ExpertOption<?>, Object> values;
    private final long seed;

    private ExpertOptions(Map<ExpertOption<?>, Object> values, long seed) {
        this.values = values;
        this.seed = seed;
    }

    /**
     * Options that leave everything but the width at its default.
     *
     * @param hiddenDim width of the expert's inputs and outputs, 1 to 16,384
     * @param seed the parameters depend on
     */
    public ExpertOptions(int hiddenDim, long seed) {
        this(Map.of(ExpertOption.HIDDEN_DIM, ExpertOption.HIDDEN_DIM.require(hiddenDim)), seed);
    }

    /** Options that leave everything at its default. */
    public static ExpertOptions defaults(long seed) {
        return new ExpertOptions(Map.of(), seed);
    }

    /**
     * The options that an operator has written.
     *
     * @param texts values by the names of options
     * @throws IllegalArgumentException that names the option, and what is allowed
     */
    public static ExpertOptions parse(ExpertFactory factory, Map<String, String> texts, long seed) {
        Map<ExpertOption<?>, Object> values = new LinkedHashMap<>();
        texts.forEach((name, text) -> {
            ExpertOption<?> option = factory.options().stream()
                    .filter(known -> known.name().equals(name))
                    .findAny()
                    .orElseThrow(() -> unknown(factory, name));
            values.put(option, option.parse(text));
        });
        return new ExpertOptions(values, seed);
    }

    /** The same with another value of an option. */
    public <T> ExpertOptions with(ExpertOption<T> option, T value) {
        Map<ExpertOption<?>, Object> changed = new LinkedHashMap<>(values);
        changed.put(requireNonNull(option, "option"), option.require(value));
        return new ExpertOptions(changed, seed);
    }

    /** The value chosen, or else the default. */
    @SuppressWarnings("unchecked") // an option's value has the option's type, or it would not be here
    public <T> T get(ExpertOption<T> option) {
        return (T) values.getOrDefault(option, option.defaultValue());
    }

    /** What the initial parameters depend on. */
    public long seed() {
        return seed;
    }

    /**
     * For factories: makes sure that nothing was chosen in vain.
     *
     * @throws IllegalArgumentException if an option was chosen that is not one of the factory's
     */
    public void requireKnownTo(ExpertFactory factory) {
        values.keySet().stream()
                .filter(option -> !factory.options().contains(option))
                .findAny()
                .ifPresent(option -> {
                    throw unknown(factory, option.name());
                });
    }

    private static IllegalArgumentException unknown(ExpertFactory factory, String name) {
        return new IllegalArgumentException("Experts of class '%s' have no option '%s'. They have: %s"
                .formatted(
                        factory.name(),
                        name,
                        factory.options().stream().map(ExpertOption::name).collect(Collectors.joining(", "))));
    }

    @Override
    public String toString() {
        return "ExpertOptions[%s, seed=%d]"
                .formatted(
                        values.entrySet().stream()
                                .map(entry -> entry.getKey().name() + "=" + entry.getValue())
                                .collect(Collectors.joining(", ")),
                        seed);
    }
}
