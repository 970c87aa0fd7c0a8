package dev.hivemind.launcher.server;

import dev.hivemind.moe.gating.ExpertGrid;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a grid of experts, such as {@code ffn.[0:4].[0:4]}. */
public final class GridConverter implements ITypeConverter<ExpertGrid> {

    @Override
    public ExpertGrid convert(String text) {
        try {
            return ExpertGrid.parse(text);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(String.valueOf(e.getMessage()));
        }
    }
}
