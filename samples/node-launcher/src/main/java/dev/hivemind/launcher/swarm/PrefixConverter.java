package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.expert.ExpertPrefix;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a prefix of uids; its last dot may be left out. */
final class PrefixConverter implements ITypeConverter<ExpertPrefix> {

    @Override
    public ExpertPrefix convert(String text) {
        try {
            return new ExpertPrefix(text.endsWith(".") ? text : text + ".");
        } catch (IllegalArgumentException malformed) {
            throw new TypeConversionException(String.valueOf(malformed.getMessage()));
        }
    }
}
