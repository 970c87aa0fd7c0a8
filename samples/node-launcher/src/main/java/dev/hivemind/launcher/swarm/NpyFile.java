package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.LauncherException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An array of NumPy, as {@code numpy.save} writes it.
 *
 * @param shape of the array
 * @param elements little-endian float32, the last dimension fastest; not in a pool
 */
record NpyFile(List<Long> shape, ByteBuffer elements) {

    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final long MAX_BYTES = 1L << 30;
    private static final int MAX_RANK = 8;
    private static final Pattern HEADER = Pattern.compile(
            "\\{'descr': '<f4', 'fortran_order': False, 'shape': \\((\\d{1,10}(?:, ?\\d{1,10})*),?\\), ?}\\s*");

    /**
     * Reads a file.
     *
     * @throws LauncherException if it is no array of float32
     */
    static NpyFile read(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new LauncherException("%s is larger than 1 GiB".formatted(file));
            }
            return parse(file, ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN));
        } catch (IOException e) {
            throw new LauncherException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static NpyFile parse(Path file, ByteBuffer bytes) {
        var magic = new byte[MAGIC.length];
        if (bytes.remaining() < 12) {
            throw malformed(file);
        }
        bytes.get(magic);
        int version = bytes.get();
        bytes.get();
        int length = version == 1 ? Short.toUnsignedInt(bytes.getShort()) : bytes.getInt();
        if (!Arrays.equals(magic, MAGIC) || length < 0 || length > bytes.remaining()) {
            throw malformed(file);
        }
        var header = new byte[length];
        bytes.get(header);
        List<Long> shape = shape(file, new String(header, StandardCharsets.ISO_8859_1));
        ByteBuffer elements = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
        if (count(shape) * Float.BYTES != elements.remaining()) {
            throw malformed(file);
        }
        return new NpyFile(shape, elements);
    }

    private static List<Long> shape(Path file, String header) {
        Matcher matcher = HEADER.matcher(header);
        if (!matcher.matches()) {
            throw malformed(file);
        }
        List<Long> shape = new ArrayList<>();
        for (String length : matcher.group(1).split(", ?", -1)) {
            shape.add(Long.parseLong(length));
        }
        if (shape.size() > MAX_RANK || count(shape) < 0) {
            throw malformed(file);
        }
        return shape;
    }

    /** The elements of a shape; negative if there are more than a file can hold. */
    private static long count(List<Long> shape) {
        long count = 1;
        for (long length : shape) {
            if (length != 0 && count > MAX_BYTES / length) {
                return -1;
            }
            count *= length;
        }
        return count;
    }

    private static LauncherException malformed(Path file) {
        return new LauncherException(
                "%s is no array of float32 in C order, as numpy.save(\"x.npy\", x.astype(\"float32\")) writes it"
                        .formatted(file));
    }
}
