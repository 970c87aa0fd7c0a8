package dev.hivemind.launcher;

import dev.hivemind.rsocket.compression.Compression;
import picocli.CommandLine.Option;

/** How what a training sends to experts, and gets from them, is written on the wire. */
final class CompressionOption {

    @Option(
            names = "--compression",
            paramLabel = "CODEC",
            defaultValue = "none",
            converter = CompressionConverter.class,
            description = "How activations and gradients travel: none, float16 or int8. Default: ${DEFAULT-VALUE}.")
    private Compression compression = Compression.NONE;

    Compression value() {
        return compression;
    }
}
