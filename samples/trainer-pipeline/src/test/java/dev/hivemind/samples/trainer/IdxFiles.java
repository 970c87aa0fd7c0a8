package dev.hivemind.samples.trainer;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;

/** Writes IDX files for tests. */
final class IdxFiles {

    private IdxFiles() {}

    static byte[] labels(int... values) {
        return idx(0x801, bytes(values), values.length);
    }

    static byte[] pictures(int rows, int columns, int... values) {
        return idx(0x803, bytes(values), values.length / (rows * columns), rows, columns);
    }

    static byte[] idx(int magic, byte[] values, int... shape) {
        var bytes = new ByteArrayOutputStream();
        try (var out = new DataOutputStream(bytes)) {
            out.writeInt(magic);
            for (int size : shape) {
                out.writeInt(size);
            }
            out.write(values);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return bytes.toByteArray();
    }

    static byte[] gzip(byte[] content) {
        var bytes = new ByteArrayOutputStream();
        try (var out = new GZIPOutputStream(bytes)) {
            out.write(content);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return bytes.toByteArray();
    }

    /** A whole set of two 1x2 training pictures and one test picture. */
    static void writeSet(Path directory) throws IOException {
        Files.write(directory.resolve("train-images-idx3-ubyte.gz"), gzip(pictures(1, 2, 0, 255, 10, 20)));
        Files.write(directory.resolve("train-labels-idx1-ubyte.gz"), gzip(labels(3, 9)));
        Files.write(directory.resolve("t10k-images-idx3-ubyte"), pictures(1, 2, 30, 40));
        Files.write(directory.resolve("t10k-labels-idx1-ubyte"), labels(1));
    }

    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }
}
