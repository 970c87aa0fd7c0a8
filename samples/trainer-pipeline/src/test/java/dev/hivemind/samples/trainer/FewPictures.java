package dev.hivemind.samples.trainer;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/** The first of the bundled pictures, in plain files: for a training that takes a moment. */
final class FewPictures {

    static final int TRAINING = 1_600;
    static final int TEST = 500;

    private static final int PICTURE_BYTES = 28 * 28;
    private static final int COUNT_OFFSET = 4;

    private FewPictures() {}

    static FashionMnist in(Path directory) {
        write(directory, "train-images-idx3-ubyte", 16, TRAINING, PICTURE_BYTES);
        write(directory, "train-labels-idx1-ubyte", 8, TRAINING, 1);
        write(directory, "t10k-images-idx3-ubyte", 16, TEST, PICTURE_BYTES);
        write(directory, "t10k-labels-idx1-ubyte", 8, TEST, 1);
        return FashionMnist.from(directory);
    }

    private static void write(Path directory, String name, int headerBytes, int count, int itemBytes) {
        try (InputStream in =
                new GZIPInputStream(FashionMnist.class.getResourceAsStream("fashion-mnist/" + name + ".gz"))) {
            byte[] bytes = in.readNBytes(headerBytes + count * itemBytes);
            ByteBuffer.wrap(bytes).putInt(COUNT_OFFSET, count);
            Files.write(directory.resolve(name), bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
