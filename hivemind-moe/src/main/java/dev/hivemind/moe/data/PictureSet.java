package dev.hivemind.moe.data;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.training.HostTensor;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Objects;
import java.util.zip.CRC32;

/**
 * Pictures and their classes, in two IDX files of unsigned bytes. Inputs are float32 of shape {@code (rows, features)},
 * targets are int64 of shape {@code (rows)}.
 *
 * <p>Opening reads all labels once, and no picture. A reader holds one picture in memory besides what it returns.
 */
public final class PictureSet implements SampleSet {

    private static final int LABEL_WINDOW_BYTES = 1 << 16;

    /** Where the height stands: behind what the file is, and how many pictures it has. */
    private static final int SIZE_OFFSET = 2 * Integer.BYTES;

    private final IdxFile pictures;
    private final IdxFile labels;
    private final PictureFormat format;
    private final int fingerprint;
    private final float[] pixelValues;

    private PictureSet(IdxFile pictures, IdxFile labels, PictureFormat format, int fingerprint) {
        this.pictures = pictures;
        this.labels = labels;
        this.format = format;
        this.fingerprint = fingerprint;
        this.pixelValues = format.table();
    }

    /** Compares what both headers claim before anything is decompressed. */
    static PictureSet open(DataFile pictures, DataFile labels, PictureFormat format) {
        requireNonNull(pictures, "pictures");
        requireNonNull(labels, "labels");
        requireNonNull(format, "format");
        requireSameCount(pictures.name(), IdxFile.header(pictures, 3), labels.name(), IdxFile.header(labels, 1));
        IdxFile pictureFile = IdxFile.open(pictures, 3);
        try {
            IdxFile labelFile = IdxFile.open(labels, 1);
            try {
                requireSameCount(pictures.name(), pictureFile.header(), labels.name(), labelFile.header());
                return new PictureSet(pictureFile, labelFile, format, checkLabels(labelFile, format));
            } catch (RuntimeException e) {
                labelFile.close();
                throw e;
            }
        } catch (RuntimeException e) {
            pictureFile.close();
            throw e;
        }
    }

    private static void requireSameCount(String pictureFile, IdxHeader pictures, String labelFile, IdxHeader labels) {
        if (pictures.count() != labels.count()) {
            throw new DataException.Malformed(
                    labelFile,
                    Integer.BYTES,
                    "it holds %d labels, but %s holds %d pictures"
                            .formatted(labels.count(), pictureFile, pictures.count()),
                    "Take pictures and labels of the same set.");
        }
    }

    /** A sum over all labels, which are what they have to be. */
    private static int checkLabels(IdxFile labels, PictureFormat format) {
        var sum = new CRC32();
        try (InputStream in = labels.values().stream()) {
            byte[] window = new byte[LABEL_WINDOW_BYTES];
            long read = 0;
            while (read < labels.header().count()) {
                int length = in.readNBytes(
                        window, 0, (int) Math.min(window.length, labels.header().count() - read));
                if (length == 0) {
                    throw IdxHeader.malformed(labels.values().name(), labels.offsetOf(read), "it ends here");
                }
                for (int i = 0; i < length; i++) {
                    requireLabel(labels, format, read + i, window[i]);
                }
                sum.update(window, 0, length);
                read += length;
            }
            return (int) sum.getValue();
        } catch (IOException e) {
            throw new DataException.Unreadable(labels.values().name(), e);
        }
    }

    private static long requireLabel(IdxFile labels, PictureFormat format, long item, byte label) {
        int value = Byte.toUnsignedInt(label);
        if (value >= format.classes()) {
            throw new DataException.Malformed(
                    labels.values().name(),
                    labels.offsetOf(item),
                    "the label is %d, but labels run from 0 to %d".formatted(value, format.classes() - 1),
                    "Set the number of classes to that of the data, or use other data.");
        }
        return value;
    }

    @Override
    public long size() {
        return pictures.header().count();
    }

    /** Of the labels. */
    @Override
    public int fingerprint() {
        return fingerprint;
    }

    /** The height of each picture in pixels. */
    public int height() {
        return pictures.header().shape()[1];
    }

    /** The width of each picture in pixels. */
    public int width() {
        return pictures.header().shape()[2];
    }

    /** How many values one picture has: height times width. */
    public int features() {
        return pictures.header().itemBytes();
    }

    /**
     * Makes sure that these pictures are as high and wide as others, such as those that a model was trained with.
     *
     * @throws DataException if they are not
     */
    public void requireSizeOf(PictureSet others) {
        if (height() != others.height() || width() != others.width()) {
            throw new DataException.Malformed(
                    pictures.values().name(),
                    SIZE_OFFSET,
                    "its pictures are %dx%d, but those of %s are %dx%d"
                            .formatted(
                                    height(),
                                    width(),
                                    others.pictures.values().name(),
                                    others.height(),
                                    others.width()),
                    "Take pictures of the same set.");
        }
    }

    @Override
    public Reader open() {
        var pixels = new RecordReader(pictures.values(), features());
        try {
            return new PictureReader(pixels, new RecordReader(labels.values(), 1));
        } catch (RuntimeException e) {
            pixels.close();
            throw e;
        }
    }

    @Override
    public void close() {
        pictures.close();
        labels.close();
    }

    private final class PictureReader implements Reader {

        private final RecordReader pixelReader;
        private final RecordReader labelReader;

        PictureReader(RecordReader pixelReader, RecordReader labelReader) {
            this.pixelReader = pixelReader;
            this.labelReader = labelReader;
        }

        @Override
        public Rows read(long[] numbers) {
            float[] pixels = new float[Math.multiplyExact(numbers.length, features())];
            long[] classes = new long[numbers.length];
            int to = 0;
            for (int row = 0; row < numbers.length; row++) {
                long number = Objects.checkIndex(numbers[row], size());
                for (byte pixel : pixelReader.read(number * features())) {
                    pixels[to++] = pixelValues[Byte.toUnsignedInt(pixel)];
                }
                classes[row] = requireLabel(labels, format, number, labelReader.read(number)[0]);
            }
            return new Rows(
                    List.of(HostTensor.of(pixels, numbers.length, features())),
                    List.of(HostTensor.of(classes, numbers.length)));
        }

        @Override
        public void close() {
            pixelReader.close();
            labelReader.close();
        }
    }
}
