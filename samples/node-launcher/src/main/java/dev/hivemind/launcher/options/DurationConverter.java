package dev.hivemind.launcher.options;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a positive time of at most a day, such as {@code 500ms}, {@code 30s}, {@code 5m} or {@code 2h}; a bare number is seconds. */
public final class DurationConverter implements ITypeConverter<Duration> {

    private static final Pattern NOTATION = Pattern.compile("(\\d{1,9})(ms|s|m|h|)");
    private static final Duration LONGEST = Duration.ofDays(1);

    @Override
    public Duration convert(String text) {
        Matcher matcher = NOTATION.matcher(text.strip());
        if (matcher.matches()) {
            Duration duration = of(Long.parseLong(matcher.group(1)), matcher.group(2));
            if (!duration.isZero() && duration.compareTo(LONGEST) <= 0) {
                return duration;
            }
        }
        throw new TypeConversionException(
                "'%s' is not a time from 1ms to 24h; write for example 500ms, 30s or 5m".formatted(text));
    }

    private static Duration of(long number, String unit) {
        return switch (unit) {
            case "ms" -> Duration.ofMillis(number);
            case "m" -> Duration.ofMinutes(number);
            case "h" -> Duration.ofHours(number);
            default -> Duration.ofSeconds(number);
        };
    }
}
