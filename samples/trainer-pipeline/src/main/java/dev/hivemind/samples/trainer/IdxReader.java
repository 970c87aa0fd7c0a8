package dev.hivemind.samples.trainer;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/**
 * Reads the IDX format of the MNIST family: two zero bytes, the element type, the number of dimensions, one big-endian
 * 32-bit size per dimension, then the values. Only unsigned bytes are read.
 *
 * <p>Nothing in the file is trusted: sizes are bounded before they are multiplied, and memory grows with the bytes that
 * really arrive, never with what the header claims.
 */
final class IdxReader {

    private static final int UNSIGNED_BYTE = 0x08;
    private static final int MAX_COUNT = 1_000_000;
    private static final int MAX_SIDE = 1_024;
    private static final int MAX_VALUE_BYTES = 256 << 20;

    private IdxReader() {}

    /**
     * Reads a whole IDX file. The stream stays open and is the caller's.
     *
     * @param dimensions how many dimensions the file must have: 1 for labels, 3 for pictures
     * @throws IdxFormatException if the bytes are anything but such a file
     * @throws IOException if the stream fails
     */
    static IdxArray read(InputStream stream, int dimensions) throws IOException {
        try {
            var in = new DataInputStream(stream);
            requireMagic(in.readInt(), dimensions);
            int[] shape = readShape(in, dimensions);
            byte[] values = readValues(in, valueCount(shape));
            requireEnd(in);
            return new IdxArray(shape, values);
        } catch (EOFException truncated) {
            throw new IdxFormatException("it ends too early", truncated);
        }
    }

    private static void requireMagic(int magic, int dimensions) {
        int expected = UNSIGNED_BYTE << 8 | dimensions;
        if (magic != expected) {
            throw new IdxFormatException("it starts with 0x%08x instead of 0x%08x".formatted(magic, expected));
        }
    }

    private static int[] readShape(DataInputStream in, int dimensions) throws IOException {
        int[] shape = new int[dimensions];
        for (int i = 0; i < dimensions; i++) {
            shape[i] = requireSize(in.readInt(), i == 0 ? MAX_COUNT : MAX_SIDE);
        }
        return shape;
    }

    private static int requireSize(int size, int max) {
        if (size < 1 || size > max) {
            throw new IdxFormatException(
                    "a dimension is %d where 1 to %d is allowed".formatted(Integer.toUnsignedLong(size), max));
        }
        return size;
    }

    private static int valueCount(int[] shape) {
        long count = 1;
        for (int size : shape) {
            count *= size;
            if (count > MAX_VALUE_BYTES) {
                throw new IdxFormatException("it claims more than %d MiB of values".formatted(MAX_VALUE_BYTES >> 20));
            }
        }
        return (int) count;
    }

    private static byte[] readValues(InputStream in, int count) throws IOException {
        byte[] values = in.readNBytes(count);
        if (values.length < count) {
            throw new IdxFormatException("it ends after %d of %d values".formatted(values.length, count));
        }
        return values;
    }

    private static void requireEnd(InputStream in) throws IOException {
        if (in.read() >= 0) {
            throw new IdxFormatException("more bytes follow the last value");
        }
    }
}
