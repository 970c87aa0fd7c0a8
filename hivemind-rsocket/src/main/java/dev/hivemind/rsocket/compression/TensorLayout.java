package dev.hivemind.rsocket.compression;

/**
 * The numbers of a tensor as codecs see them: rows, one after the other. The last dimension of the tensor is the row; a
 * scalar is one row of one number, and an empty tensor has no rows.
 *
 * @param rows number of rows
 * @param rowLength numbers in a row
 * @param elementBytes bytes that a number takes uncompressed
 * @param floating whether these are floating point numbers
 */
public record TensorLayout(int rows, int rowLength, int elementBytes, boolean floating) {

    /** @throws IllegalArgumentException if a number is negative, or the whole is larger than 2 GiB */
    public TensorLayout {
        if (rows < 0
                || rowLength < 0
                || elementBytes < 1
                || (long) rows * rowLength > Integer.MAX_VALUE / elementBytes) {
            throw new IllegalArgumentException("A layout of %d rows of %d numbers of %d bytes is out of bounds"
                    .formatted(rows, rowLength, elementBytes));
        }
    }

    /** Numbers in all. */
    public int elements() {
        return rows * rowLength;
    }

    /** Bytes of all numbers, uncompressed. */
    public int sizeBytes() {
        return elements() * elementBytes;
    }

    /** Whether the numbers are of type float32 or float64. */
    public boolean isSingleOrDouble() {
        return floating && (elementBytes == Float.BYTES || elementBytes == Double.BYTES);
    }
}
