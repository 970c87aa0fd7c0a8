package dev.hivemind.moe.data;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/**
 * The start of a file in the IDX format of the MNIST family: two zero bytes, the element type, the number of dimensions, one
 * big-endian 32-bit size per dimension; the values follow. Only unsigned bytes are read.
 *
 * @param shape lengths of the dimensions, how many items there are first
 */
record IdxHeader(int[] shape) {

    static final String ADVICE =
            "Use IDX files of unsigned bytes, such as those of MNIST, and download a broken one again.";

    private static final int UNSIGNED_BYTE = 0x08;
    private static final int MAX_SIDE = 65_535;
    private static final int MAX_ITEM_BYTES = 64 << 20;

    /**
     * Reads a header, trusting nothing in it.
     *
     * @param dimensions how many there must be: 1 for labels, 3 for pictures
     */
    static IdxHeader read(String file, InputStream stream, int dimensions) throws IOException {
        try {
            var in = new DataInputStream(stream);
            int expected = UNSIGNED_BYTE << 8 | dimensions;
            int magic = in.readInt();
            if (magic != expected) {
                throw malformed(file, 0, "it starts with 0x%08x instead of 0x%08x".formatted(magic, expected));
            }
            int[] shape = new int[dimensions];
            for (int i = 0; i < dimensions; i++) {
                shape[i] = requireSize(file, i, in.readInt());
            }
            return new IdxHeader(shape).requireItem(file);
        } catch (EOFException truncated) {
            throw malformed(file, 0, "it ends within the header");
        }
    }

    private static int requireSize(String file, int dimension, int size) {
        int max = dimension == 0 ? Integer.MAX_VALUE : MAX_SIDE;
        if (size < 1 || size > max) {
            throw malformed(
                    file,
                    Integer.BYTES * (1L + dimension),
                    dimension == 0 && size == 0
                            ? "it is empty"
                            : "a dimension is %d where 1 to %d is allowed"
                                    .formatted(Integer.toUnsignedLong(size), max));
        }
        return size;
    }

    private IdxHeader requireItem(String file) {
        long bytes =
                Arrays.stream(shape).skip(1).asLongStream().reduce(1, (a, b) -> Math.min(a * b, Integer.MAX_VALUE));
        if (bytes > MAX_ITEM_BYTES) {
            throw malformed(file, 2L * Integer.BYTES, "one item is larger than %d MiB".formatted(MAX_ITEM_BYTES >> 20));
        }
        return this;
    }

    static DataException.Malformed malformed(String file, long offset, String what) {
        return new DataException.Malformed(file, offset, what, ADVICE);
    }

    /** How many items there are. */
    int count() {
        return shape[0];
    }

    /** How many bytes each item has. */
    int itemBytes() {
        int bytes = 1;
        for (int i = 1; i < shape.length; i++) {
            bytes *= shape[i];
        }
        return bytes;
    }

    /** How many bytes the header itself has. */
    int bytes() {
        return Integer.BYTES * (1 + shape.length);
    }

    /** How many bytes follow the header. */
    long valueBytes() {
        return (long) count() * itemBytes();
    }
}
