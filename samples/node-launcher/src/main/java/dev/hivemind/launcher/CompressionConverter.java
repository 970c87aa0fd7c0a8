package dev.hivemind.launcher;

import dev.hivemind.rsocket.compression.Compression;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads how tensors are written on the wire, such as {@code int8}. */
final class CompressionConverter implements ITypeConverter<Compression> {

    @Override
    public Compression convert(String text) {
        List<Compression> known = Stream.concat(Stream.of(Compression.NONE), Compression.all().stream())
                .toList();
        return known.stream()
                .filter(compression -> compression.codec().name().equals(text.toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() -> new TypeConversionException("'%s' is none of %s".formatted(text, names(known))));
    }

    private static String names(List<Compression> known) {
        return known.stream().map(compression -> compression.codec().name()).collect(Collectors.joining(", "));
    }
}
