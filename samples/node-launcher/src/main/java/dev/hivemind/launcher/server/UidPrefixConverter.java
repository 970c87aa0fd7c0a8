package dev.hivemind.launcher.server;

import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads the part of expert uids before the last number: a name, and numbers after dots, as in {@code expert.3}. */
final class UidPrefixConverter implements ITypeConverter<String> {

    private static final Pattern PREFIX = Pattern.compile("[A-Za-z][A-Za-z0-9_-]{0,63}(\\.(0|[1-9]\\d{0,8})){0,8}");

    @Override
    public String convert(String text) {
        if (PREFIX.matcher(text).matches()) {
            return text;
        }
        throw new TypeConversionException(
                "'%s' is not a prefix of expert uids; write a name such as 'expert' or 'expert.3'".formatted(text));
    }
}
