package dev.hivemind.moe.expert;

import static java.util.Objects.requireNonNull;

import java.math.BigDecimal;
import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Something that an operator can choose for a kind of experts. Options are constants of their factory.
 *
 * @param <T> type of its values
 */
public final class ExpertOption<T> {

    /** The largest width. */
    public static final int MAX_HIDDEN_DIM = 16_384;

    /** Width of inputs and outputs, which every kind of this library has. */
    public static final ExpertOption<Integer> HIDDEN_DIM =
            integer("hidden-dim", "how many features inputs and outputs have", 512, 1, MAX_HIDDEN_DIM);

    private final String name;
    private final String description;
    private final String allowed;
    private final T defaultValue;
    private final Function<String, T> parser;
    private final Predicate<T> check;

    private ExpertOption(
            String name,
            String description,
            T defaultValue,
            String allowed,
            Function<String, T> parser,
            Predicate<T> check) {
        this.name = requireNonNull(name, "name");
        this.description = requireNonNull(description, "description");
        this.defaultValue = defaultValue;
        this.allowed = allowed;
        this.parser = parser;
        this.check = check;
        require(defaultValue);
    }

    /** An option whose values are whole numbers from {@code min} to {@code max}. */
    public static ExpertOption<Integer> integer(String name, String description, int defaultValue, int min, int max) {
        String allowed = String.format(Locale.ROOT, "a whole number from %,d to %,d", min, max);
        return new ExpertOption<>(
                name, description, defaultValue, allowed, Integer::valueOf, value -> value >= min && value <= max);
    }

    /** An option whose values are numbers from {@code min}, and below {@code max}. */
    public static ExpertOption<Double> fraction(
            String name, String description, double defaultValue, double min, double max) {
        return new ExpertOption<>(
                name,
                description,
                defaultValue,
                "a number from %s, and below %s".formatted(min, max),
                Double::valueOf,
                value -> value >= min && value < max);
    }

    /** An option whose values are times from 0 to {@code max}, written in seconds or as {@link Duration} does. */
    public static ExpertOption<Duration> duration(
            String name, String description, Duration defaultValue, Duration max) {
        return new ExpertOption<>(
                name,
                description,
                defaultValue,
                "seconds from 0 to %s, such as 0.5".formatted(seconds(max)),
                text -> Duration.parse(text.startsWith("P") ? text : "PT" + text + "S"),
                value -> !value.isNegative() && value.compareTo(max) <= 0);
    }

    private static String seconds(Duration duration) {
        return Long.toString(duration.toSeconds());
    }

    /** By which operators call the option: small letters, digits and dashes. Unique in its factory. */
    public String name() {
        return name;
    }

    /** Half a sentence for operators. */
    public String description() {
        return description;
    }

    /** What values are allowed, as half a sentence for operators. */
    public String allowed() {
        return allowed;
    }

    /** The value of whoever chooses none. */
    public T defaultValue() {
        return defaultValue;
    }

    /** The default value as an operator would write it. */
    private String defaultText() {
        return defaultValue instanceof Duration time
                ? BigDecimal.valueOf(time.toMillis(), 3).stripTrailingZeros().toPlainString()
                : defaultValue.toString();
    }

    /**
     * The value that an operator has written.
     *
     * @throws IllegalArgumentException if it is not allowed, with the name of the option and what is
     */
    public T parse(String text) {
        try {
            T value = parser.apply(text);
            if (check.test(value)) {
                return value;
            }
            throw new IllegalArgumentException(complaint(text));
        } catch (NumberFormatException | DateTimeParseException e) {
            throw new IllegalArgumentException(complaint(text), e);
        }
    }

    /**
     * The value itself.
     *
     * @throws IllegalArgumentException if it is not allowed, with the name of the option and what is
     */
    public T require(T value) {
        if (!check.test(requireNonNull(value, name))) {
            throw new IllegalArgumentException(complaint(value.toString()));
        }
        return value;
    }

    private String complaint(String value) {
        return "%s is %s, not '%s'".formatted(name, allowed, value);
    }

    @Override
    public String toString() {
        return "%s: %s; %s. Default: %s".formatted(name, description, allowed, defaultText());
    }
}
