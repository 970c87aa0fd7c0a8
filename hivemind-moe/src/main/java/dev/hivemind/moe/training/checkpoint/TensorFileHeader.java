package dev.hivemind.moe.training.checkpoint;

import dev.hivemind.moe.training.HostTensor;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The header of a {@link TensorFile}.
 *
 * @param checksum CRC32C over the file
 * @param metadata the other texts
 * @param entries the tensors in the order of the file, which fill its data exactly
 */
record TensorFileHeader(long checksum, Map<String, String> metadata, List<Entry> entries) {

    private static final String METADATA = "__metadata__";
    private static final String START = "{\"__metadata__\":{\"checksum\":\"";
    private static final int CHECKSUM_DIGITS = 8;
    private static final String ZEROS = "0".repeat(CHECKSUM_DIGITS);
    private static final int MAX_BYTES = 16 << 20;
    private static final int MAX_DIMENSIONS = 8;
    private static final Set<String> FIELDS = Set.of("dtype", "shape", "data_offsets");
    private static final String FLOAT32 = "F32";
    private static final String INT64 = "I64";

    /** One tensor. */
    record Entry(String name, boolean isFloating, long[] shape, int count) {}

    /** The header as text, with zeros in the place of the checksum. */
    static String format(Map<String, String> metadata, Map<String, HostTensor> tensors) {
        var text = new StringBuilder(START).append(ZEROS).append('"');
        metadata.forEach((name, value) ->
                text.append(',').append(HeaderJson.quote(name)).append(':').append(HeaderJson.quote(value)));
        text.append('}');
        long offset = 0;
        for (Map.Entry<String, HostTensor> tensor : tensors.entrySet()) {
            offset = append(text, tensor.getKey(), tensor.getValue(), offset);
        }
        return text.append('}').toString();
    }

    private static long append(StringBuilder text, String name, HostTensor tensor, long offset) {
        Numbers numbers = Numbers.of(tensor);
        long end = offset + (long) numbers.count() * numbers.width();
        text.append(",%s:{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                .formatted(
                        HeaderJson.quote(name),
                        tensor.isFloating() ? FLOAT32 : INT64,
                        Arrays.toString(tensor.shape()).replace(" ", ""),
                        offset,
                        end));
        return end;
    }

    static String withChecksum(String header, long checksum) {
        return START + "%08x".formatted(checksum) + header.substring(START.length() + CHECKSUM_DIGITS);
    }

    /** The header with zeros in the place of the checksum. */
    static byte[] withoutChecksum(byte[] header) {
        byte[] copy = header.clone();
        Arrays.fill(copy, START.length(), START.length() + CHECKSUM_DIGITS, (byte) '0');
        return copy;
    }

    /** @param size of the whole file */
    static int requireLength(long headerBytes, long size) throws MalformedFileException {
        long max = Math.min(MAX_BYTES, size - Long.BYTES);
        if (headerBytes < START.length() + CHECKSUM_DIGITS || headerBytes > max) {
            throw new MalformedFileException("its header cannot be %d bytes long".formatted(headerBytes));
        }
        return (int) headerBytes;
    }

    /** @param dataBytes how many bytes follow the header */
    static TensorFileHeader parse(byte[] bytes, long dataBytes) throws MalformedFileException {
        String text = decode(bytes);
        if (!text.startsWith(START)) {
            throw new MalformedFileException("it does not begin like a checkpoint");
        }
        Map<String, Object> fields = new HeaderJson(text).parse();
        Map<String, String> metadata = metadata(fields.remove(METADATA));
        var entries = new ArrayList<Entry>(fields.size());
        long offset = 0;
        for (Map.Entry<String, Object> field : fields.entrySet()) {
            offset = readEntry(field.getKey(), field.getValue(), offset, entries);
        }
        if (offset != dataBytes) {
            throw new MalformedFileException(
                    "its tensors take %d bytes, but it has %d for them".formatted(offset, dataBytes));
        }
        return new TensorFileHeader(checksum(metadata.remove("checksum")), metadata, entries);
    }

    private static String decode(byte[] bytes) throws MalformedFileException {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new MalformedFileException("its header is no UTF-8");
        }
    }

    private static Map<String, String> metadata(@Nullable Object value) throws MalformedFileException {
        var metadata = new LinkedHashMap<String, String>();
        for (Map.Entry<?, ?> field : asMap(value).entrySet()) {
            if (!(field.getValue() instanceof String text)) {
                throw new MalformedFileException("its metadata is not all text");
            }
            metadata.put((String) field.getKey(), text);
        }
        return metadata;
    }

    private static long checksum(String digits) throws MalformedFileException {
        if (!digits.matches("[0-9a-f]{8}")) {
            throw new MalformedFileException("it has no checksum");
        }
        return Long.parseLong(digits, 16);
    }

    /** Adds an entry that begins at an offset, and returns the offset of its end. */
    private static long readEntry(String name, Object value, long offset, List<Entry> entries)
            throws MalformedFileException {
        Map<?, ?> fields = asMap(value);
        if (!fields.keySet().equals(FIELDS)) {
            throw new MalformedFileException("tensor '%s' has the fields %s".formatted(name, fields.keySet()));
        }
        boolean floating = FLOAT32.equals(fields.get("dtype"));
        if (!floating && !INT64.equals(fields.get("dtype"))) {
            throw new MalformedFileException("tensor '%s' has the type %s".formatted(name, fields.get("dtype")));
        }
        long[] shape = asNumbers(name, fields.get("shape"));
        long[] offsets = asNumbers(name, fields.get("data_offsets"));
        int count = count(name, shape);
        long end = offset + (long) count * (floating ? Float.BYTES : Long.BYTES);
        if (offsets.length != 2 || offsets[0] != offset || offsets[1] != end) {
            throw new MalformedFileException("tensor '%s' lies at %s instead of [%d, %d]"
                    .formatted(name, Arrays.toString(offsets), offset, end));
        }
        entries.add(new Entry(name, floating, shape, count));
        return end;
    }

    private static int count(String name, long[] shape) throws MalformedFileException {
        long count = 1;
        for (long length : shape) {
            // Lengths of zero hide no absurd others.
            if (length > Integer.MAX_VALUE || count * Math.max(1, length) > Integer.MAX_VALUE) {
                throw new MalformedFileException("tensor '%s' is too large".formatted(name));
            }
            count *= Math.max(1, length);
        }
        boolean empty = Arrays.stream(shape).anyMatch(length -> length == 0);
        return empty ? 0 : (int) count;
    }

    private static Map<?, ?> asMap(@Nullable Object value) throws MalformedFileException {
        if (value instanceof Map<?, ?> map) {
            return map;
        }
        throw new MalformedFileException("its header is not laid out as it should be");
    }

    private static long[] asNumbers(String name, @Nullable Object value) throws MalformedFileException {
        if (!(value instanceof List<?> list)
                || list.size() > MAX_DIMENSIONS
                || !list.stream().allMatch(Long.class::isInstance)) {
            throw new MalformedFileException("tensor '%s' has something else than a few numbers".formatted(name));
        }
        return list.stream().mapToLong(Long.class::cast).toArray();
    }
}
