package dev.hivemind.samples.trainer;

import static java.util.Objects.requireNonNull;

import java.util.Arrays;

/**
 * Labelled grey pictures of one size, kept as the bytes that they came as. Immutable and safe for use from any thread;
 * a batch is normalised while it is copied out.
 */
public final class PictureDataset {

    private static final float MEAN = 0.2860f;
    private static final float DEVIATION = 0.3530f;
    private static final float[] NORMALISED = normalised();

    private final byte[] pixels;
    private final byte[] labels;
    private final int rows;
    private final int columns;

    /** Takes over both arrays, which the caller has checked: one label and {@code rows * columns} pixels a picture. */
    PictureDataset(byte[] pixels, byte[] labels, int rows, int columns) {
        this.pixels = requireNonNull(pixels, "pixels");
        this.labels = requireNonNull(labels, "labels");
        this.rows = rows;
        this.columns = columns;
        if (pixels.length != (long) labels.length * rows * columns) {
            throw new IllegalArgumentException("%d pixels do not make %d pictures of %dx%d"
                    .formatted(pixels.length, labels.length, rows, columns));
        }
    }

    /** The first so many pictures. */
    PictureDataset first(int count) {
        return new PictureDataset(
                Arrays.copyOf(pixels, count * features()), Arrays.copyOf(labels, count), rows, columns);
    }

    private static float[] normalised() {
        float[] table = new float[256];
        for (int value = 0; value < table.length; value++) {
            table[value] = (value / 255f - MEAN) / DEVIATION;
        }
        return table;
    }

    /** How many pictures there are. */
    public int size() {
        return labels.length;
    }

    /** The height of each picture in pixels. */
    public int rows() {
        return rows;
    }

    /** The width of each picture in pixels. */
    public int columns() {
        return columns;
    }

    /** How many values one picture has: rows times columns. */
    public int features() {
        return rows * columns;
    }

    /** The class of one picture. */
    public int label(int index) {
        return labels[index];
    }

    /**
     * Copies pictures and labels into arrays of the caller, in the order of the indices. Pixels are normalised to about
     * zero mean and unit variance over Fashion-MNIST: {@code (byte / 255 - 0.2860) / 0.3530}.
     *
     * @param indices which pictures; each from 0 to {@code size() - 1}
     * @param pixelsOut shape (indices, features), row-major; may be longer than needed
     * @param labelsOut one class per index; may be longer than needed
     * @throws IndexOutOfBoundsException if an index names no picture, or an array is too short
     */
    public void copyBatch(int[] indices, float[] pixelsOut, long[] labelsOut) {
        int to = 0;
        for (int i = 0; i < indices.length; i++) {
            labelsOut[i] = labels[indices[i]];
            int from = indices[i] * features();
            for (int pixel = 0; pixel < features(); pixel++) {
                pixelsOut[to++] = NORMALISED[Byte.toUnsignedInt(pixels[from + pixel])];
            }
        }
    }
}
