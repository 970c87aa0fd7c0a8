package dev.hivemind.moe.tensor;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.compression.Compression;

/**
 * One part of a batch that is cut into frames.
 *
 * @param rows how many consecutive rows
 * @param compression how they are written; where it cannot make them smaller, they are not compressed
 */
public record Cut(int rows, Compression compression) {

    public Cut {
        requireNonNull(compression, "compression");
    }
}
