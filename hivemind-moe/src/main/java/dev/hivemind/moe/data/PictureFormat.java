package dev.hivemind.moe.data;

/**
 * What becomes of pictures and labels: a pixel of 0 to 255 becomes {@code (pixel / divisor - mean) / deviation}.
 *
 * @param classes how many classes there are; labels run from 0 to one less. 1 to 256
 * @param divisor above 0
 * @param mean that is taken off
 * @param deviation above 0
 */
public record PictureFormat(int classes, float divisor, float mean, float deviation) {

    private static final int BYTE_VALUES = 256;
    private static final float MAX_PIXEL = 255;

    /** @throws IllegalArgumentException if a value is out of its bounds */
    public PictureFormat {
        if (classes < 1 || classes > BYTE_VALUES) {
            throw new IllegalArgumentException("There are 1 to 256 classes, not " + classes);
        }
        if (!(divisor > 0) || !(deviation > 0) || !Float.isFinite(mean)) {
            throw new IllegalArgumentException("divisor and deviation are above 0, and mean is finite");
        }
    }

    /** Pixels from 0 to 1. */
    public static PictureFormat unit(int classes) {
        return new PictureFormat(classes, MAX_PIXEL, 0, 1);
    }

    /** Pixels as they are, from 0 to 255. */
    public static PictureFormat raw(int classes) {
        return new PictureFormat(classes, 1, 0, 1);
    }

    /**
     * Pixels of about zero mean and unit variance.
     *
     * @param mean of all pixels, as parts of 1
     * @param deviation of all pixels, as parts of 1
     */
    public static PictureFormat standardised(int classes, float mean, float deviation) {
        return new PictureFormat(classes, MAX_PIXEL, mean, deviation);
    }

    /** What each of the 256 pixels becomes. */
    float[] table() {
        float[] table = new float[BYTE_VALUES];
        for (int value = 0; value < table.length; value++) {
            table[value] = (value / divisor - mean) / deviation;
        }
        return table;
    }
}
