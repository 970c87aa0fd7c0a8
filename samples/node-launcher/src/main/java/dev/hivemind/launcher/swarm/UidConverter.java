package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.expert.ExpertUid;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads the uid of an expert. */
public final class UidConverter implements ITypeConverter<ExpertUid> {

    @Override
    public ExpertUid convert(String text) {
        try {
            return new ExpertUid(text);
        } catch (IllegalArgumentException malformed) {
            throw new TypeConversionException(String.valueOf(malformed.getMessage()));
        }
    }
}
