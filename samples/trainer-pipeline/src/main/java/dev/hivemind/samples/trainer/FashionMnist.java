package dev.hivemind.samples.trainer;

import static java.util.Objects.requireNonNull;

import java.io.BufferedInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/**
 * The Fashion-MNIST pictures, or another set in the same four files and with the same ten labels.
 *
 * @param training the pictures to learn from
 * @param test the pictures to measure with; of the same size as the training pictures
 */
public record FashionMnist(PictureDataset training, PictureDataset test) {

    /** How many classes there are; labels run from 0 to 9. */
    public static final int CLASSES = 10;

    private static final String BUNDLE = "fashion-mnist";

    public FashionMnist {
        requireNonNull(training, "training");
        requireNonNull(test, "test");
    }

    /** The set that is part of this sample: the first 20,000 training pictures and all 10,000 test pictures. */
    public static FashionMnist bundled() {
        return load(new PictureSource.Bundled(BUNDLE));
    }

    /**
     * A set from a directory that holds {@code train-images-idx3-ubyte}, {@code train-labels-idx1-ubyte},
     * {@code t10k-images-idx3-ubyte} and {@code t10k-labels-idx1-ubyte}, each with or without {@code .gz}.
     *
     * @throws DataException if a file is missing, unreadable or not what its name says
     */
    public static FashionMnist from(Path directory) {
        var source = new PictureSource.Directory(requireNonNull(directory, "directory"));
        if (!Files.isDirectory(directory)) {
            throw new DataException("There is no directory %s. %s".formatted(directory, source.advice()));
        }
        return load(source);
    }

    private static FashionMnist load(PictureSource source) {
        PictureDataset training = loadPart(source, "train");
        PictureDataset test = loadPart(source, "t10k");
        if (training.rows() != test.rows() || training.columns() != test.columns()) {
            throw new DataException("Training pictures are %dx%d, test pictures %dx%d. %s"
                    .formatted(training.rows(), training.columns(), test.rows(), test.columns(), source.advice()));
        }
        return new FashionMnist(training, test);
    }

    private static PictureDataset loadPart(PictureSource source, String part) {
        IdxArray pictures = read(source, part + "-images-idx3-ubyte", 3);
        IdxArray labels = read(source, part + "-labels-idx1-ubyte", 1);
        if (pictures.count() != labels.count()) {
            throw new DataException("The %s files hold %d pictures and %d labels. %s"
                    .formatted(part, pictures.count(), labels.count(), source.advice()));
        }
        requireLabels(labels, part, source);
        return new PictureDataset(pictures.values(), labels.values(), pictures.dimension(1), pictures.dimension(2));
    }

    private static void requireLabels(IdxArray labels, String part, PictureSource source) {
        for (byte label : labels.values()) {
            if (Byte.toUnsignedInt(label) >= CLASSES) {
                throw new DataException("The %s labels hold a %d, but labels run from 0 to %d. %s"
                        .formatted(part, Byte.toUnsignedInt(label), CLASSES - 1, source.advice()));
            }
        }
    }

    private static IdxArray read(PictureSource source, String name, int dimensions) {
        PictureSource.File file = open(source, name);
        try (InputStream raw = file.stream();
                InputStream in = file.compressed() ? new GZIPInputStream(raw, 1 << 16) : new BufferedInputStream(raw)) {
            return IdxReader.read(in, dimensions);
        } catch (IdxFormatException malformed) {
            throw broken(file, reason(malformed), malformed, source);
        } catch (IOException unreadable) {
            throw broken(file, "it cannot be read (%s)".formatted(reason(unreadable)), unreadable, source);
        }
    }

    private static PictureSource.File open(PictureSource source, String name) {
        try {
            return source.open(name);
        } catch (NoSuchFileException | FileNotFoundException missing) {
            throw new DataException(
                    "There is no file %s. %s".formatted(missing.getMessage(), source.advice()), missing);
        } catch (IOException unreadable) {
            throw new DataException(
                    "%s cannot be opened (%s). %s".formatted(name, reason(unreadable), source.advice()), unreadable);
        }
    }

    private static DataException broken(PictureSource.File file, String what, Exception cause, PictureSource source) {
        return new DataException("%s is broken: %s. %s".formatted(file.name(), what, source.advice()), cause);
    }

    private static String reason(Exception error) {
        if (error instanceof AccessDeniedException) {
            return "permission denied";
        }
        String message = error.getMessage();
        return message == null ? error.getClass().getSimpleName() : message;
    }
}
