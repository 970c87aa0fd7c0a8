package dev.hivemind.samples.trainer;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.data.BatchSource;
import dev.hivemind.moe.data.DataException;
import dev.hivemind.moe.data.DataFile;
import dev.hivemind.moe.data.PictureFormat;
import dev.hivemind.moe.data.PictureSet;
import dev.hivemind.moe.data.SampleSet;
import dev.hivemind.moe.training.Batch;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;
import reactor.core.publisher.Flux;

/**
 * The Fashion-MNIST pictures, or another set in the same four files and with the same ten labels. Pixels are scaled to about
 * zero mean and unit variance over Fashion-MNIST. Compressed files are decompressed to temporary ones, which go when the set
 * is closed.
 *
 * @param training the pictures to learn from
 * @param test the pictures to measure with; of the same size as the training pictures
 */
public record FashionMnist(PictureSet training, PictureSet test) implements AutoCloseable {

    /** How many classes there are; labels run from 0 to 9. */
    public static final int CLASSES = 10;

    private static final PictureFormat FORMAT = PictureFormat.standardised(CLASSES, 0.2860f, 0.3530f);
    private static final int TEST_BATCH = 500;
    private static final String BUNDLE = "fashion-mnist/";
    private static final String COMPRESSED = ".gz";

    public FashionMnist {
        requireNonNull(training, "training");
        requireNonNull(test, "test");
    }

    /**
     * The set that is part of this sample: the first 20,000 training pictures and all 10,000 test pictures.
     *
     * @throws DataException if there is no room for 24 MB in {@code java.io.tmpdir}
     */
    public static FashionMnist bundled() {
        return open(FashionMnist::bundledFile);
    }

    /**
     * A set from a directory that holds {@code train-images-idx3-ubyte}, {@code train-labels-idx1-ubyte},
     * {@code t10k-images-idx3-ubyte} and {@code t10k-labels-idx1-ubyte}, each with or without {@code .gz}.
     *
     * @throws DataException if a file is missing, unreadable or not what its name says
     */
    public static FashionMnist from(Path directory) {
        requireNonNull(directory, "directory");
        return open(name -> fileIn(directory, name));
    }

    private static DataFile bundledFile(String name) {
        String resource = BUNDLE + name + COMPRESSED;
        return DataFile.of("the bundled " + resource, () -> resource(resource));
    }

    private static InputStream resource(String name) throws IOException {
        InputStream stream = FashionMnist.class.getResourceAsStream(name);
        if (stream == null) {
            throw new FileNotFoundException(name);
        }
        return stream;
    }

    private static DataFile fileIn(Path directory, String name) {
        Path plain = directory.resolve(name);
        Path compressed = directory.resolve(name + COMPRESSED);
        return DataFile.of(Files.exists(compressed) && !Files.exists(plain) ? compressed : plain);
    }

    private static FashionMnist open(Function<String, DataFile> files) {
        PictureSet training = open(files, "train");
        try {
            PictureSet test = open(files, "t10k");
            try {
                test.requireSizeOf(training);
                return new FashionMnist(training, test);
            } catch (RuntimeException e) {
                test.close();
                throw e;
            }
        } catch (RuntimeException e) {
            training.close();
            throw e;
        }
    }

    private static PictureSet open(Function<String, DataFile> files, String part) {
        return SampleSet.pictures(
                files.apply(part + "-images-idx3-ubyte"), files.apply(part + "-labels-idx1-ubyte"), FORMAT);
    }

    /** All test pictures in their order, 500 at a time. Cold, as {@link BatchSource#batches()} is. */
    public Flux<Batch> testBatches() {
        return BatchSource.builder(test)
                .batchSize(TEST_BATCH)
                .inOrder()
                .epochs(1)
                .build()
                .batches();
    }

    /** Deletes the temporary files. Idempotent. */
    @Override
    public void close() {
        training.close();
        test.close();
    }
}
