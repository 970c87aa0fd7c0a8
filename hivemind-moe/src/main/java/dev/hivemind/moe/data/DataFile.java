package dev.hivemind.moe.data;

import static java.util.Objects.requireNonNull;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Where bytes come from: a path, or something else that can be opened again and again, such as a resource. What begins
 * like gzip is decompressed.
 *
 * <p>A plain file at a path is read where it lies. Anything else is first written to a file in {@code java.io.tmpdir},
 * since samples are read in any order; that file goes when the set of samples is closed, or else when the JVM ends in good
 * order. What decompresses to more than {@link #decompressedAtMost} is refused with {@link DataException.TooLarge}.
 */
public final class DataFile {

    /** Bytes that a file may decompress to, unless told otherwise: 64 GiB. */
    public static final long DEFAULT_MAX_DECOMPRESSED_BYTES = 64L << 30;

    private static final int GZIP_MAGIC = 0x1f8b;
    private static final int BUFFER_BYTES = 1 << 16;

    private final String name;
    private final @Nullable Path path;
    private final Opener opener;
    private final long maxDecompressed;

    /** Opens a stream of a file's bytes, each time from the start. */
    @FunctionalInterface
    public interface Opener {

        /** A new stream, owned by the caller. */
        InputStream open() throws IOException;
    }

    private DataFile(String name, @Nullable Path path, Opener opener, long maxDecompressed) {
        this.name = name;
        this.path = path;
        this.opener = opener;
        this.maxDecompressed = maxDecompressed;
    }

    /** The file at a path. */
    public static DataFile of(Path path) {
        requireNonNull(path, "path");
        return new DataFile(path.toString(), path, () -> Files.newInputStream(path), DEFAULT_MAX_DECOMPRESSED_BYTES);
    }

    /**
     * Something else that can be opened.
     *
     * @param name what messages call it
     */
    public static DataFile of(String name, Opener opener) {
        return new DataFile(
                requireNonNull(name, "name"), null, requireNonNull(opener, "opener"), DEFAULT_MAX_DECOMPRESSED_BYTES);
    }

    /**
     * The same file with another limit.
     *
     * @param bytes that it may decompress to, at least 1; without effect on what is not compressed
     */
    public DataFile decompressedAtMost(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("At least 1 byte is allowed, not " + bytes);
        }
        return new DataFile(name, path, opener, bytes);
    }

    /** What messages call it. */
    public String name() {
        return name;
    }

    /** Where the bytes lie in plain form; null if they do so nowhere. */
    @Nullable Path plainPath() throws IOException {
        if (path == null) {
            return null;
        }
        try (InputStream in = opener.open()) {
            return isGzip(in.readNBytes(2)) ? null : path;
        }
    }

    /** The bytes, decompressed; owned by the caller. */
    InputStream stream() throws IOException {
        InputStream raw = new BufferedInputStream(opener.open(), BUFFER_BYTES);
        try {
            raw.mark(2);
            boolean compressed = isGzip(raw.readNBytes(2));
            raw.reset();
            return compressed ? new LimitedStream(name, new GZIPInputStream(raw, BUFFER_BYTES), maxDecompressed) : raw;
        } catch (IOException | RuntimeException e) {
            raw.close();
            throw e;
        }
    }

    private static boolean isGzip(byte[] start) {
        return start.length == 2 && ((start[0] & 0xff) << Byte.SIZE | (start[1] & 0xff)) == GZIP_MAGIC;
    }

    @Override
    public String toString() {
        return name;
    }
}
