package dev.hivemind.moe.data;

import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/**
 * A text as numbers of 1, 2 or 4 bytes, big-endian, which is what makes the place of each known.
 *
 * @param stored the numbers
 * @param width bytes of each
 * @param vocabulary what they stand for; null for bytes
 */
record Tokens(StoredBytes stored, int width, @Nullable Vocabulary vocabulary) implements AutoCloseable {

    private static final String DECOMPRESSION_ADVICE = "Compress or download it again.";

    /** Checks a text and turns it into numbers, in a file of our own unless they lie in the text as they are. */
    static Tokens of(DataFile file, TextFormat format) {
        try {
            return format.unit() == TextFormat.Unit.BYTE ? bytes(file, format) : characters(file, format);
        } catch (ZipException | EOFException broken) {
            throw new DataException.Malformed(
                    file.name(), 0, "it cannot be decompressed", DECOMPRESSION_ADVICE, broken);
        } catch (IOException e) {
            throw new DataException.Unreadable(file.name(), e);
        }
    }

    private static Tokens bytes(DataFile file, TextFormat format) throws IOException {
        Path plain = file.plainPath();
        if (plain != null && scan(file, format, (codePoint, offset) -> {}) == 0) {
            return new Tokens(StoredBytes.of(file.name(), plain), 1, null);
        }
        return new Tokens(
                StoredBytes.spool(file.name(), out -> {
                    var buffered = new BufferedOutputStream(out, 1 << 16);
                    scan(file, format, (codePoint, offset) -> Utf8.write(codePoint, buffered));
                    buffered.flush();
                }),
                1,
                null);
    }

    private static Tokens characters(DataFile file, TextFormat format) throws IOException {
        Vocabulary known = format.vocabulary();
        Vocabulary vocabulary = known != null ? known : vocabularyOf(file, format);
        int width = widthOf(vocabulary.size());
        StoredBytes numbers = StoredBytes.spool(file.name(), out -> {
            var buffered = new BufferedOutputStream(out, 1 << 16);
            scan(
                    file,
                    format,
                    (codePoint, offset) ->
                            writeNumber(requireKnown(file, vocabulary, codePoint, offset), width, buffered));
            buffered.flush();
        });
        return new Tokens(numbers, width, vocabulary);
    }

    private static long scan(DataFile file, TextFormat format, Utf8Scanner.Sink sink) throws IOException {
        try (InputStream in = file.stream()) {
            return new Utf8Scanner(file.name(), format.replacesMalformed()).scan(in, sink);
        }
    }

    private static Vocabulary vocabularyOf(DataFile file, TextFormat format) throws IOException {
        var seen = new BitSet();
        scan(file, format, (codePoint, offset) -> seen.set(codePoint));
        if (seen.isEmpty()) {
            throw new DataException.Malformed(file.name(), 0, "it is empty", TextSet.TOO_SHORT_ADVICE);
        }
        return Vocabulary.of(seen);
    }

    private static int widthOf(int size) {
        if (size <= 1 << Byte.SIZE) {
            return 1;
        }
        return size <= 1 << Short.SIZE ? 2 : 4;
    }

    private static int requireKnown(DataFile file, Vocabulary vocabulary, int codePoint, long offset) {
        int number = vocabulary.indexOf(codePoint);
        if (number < 0) {
            throw new DataException.Malformed(
                    file.name(),
                    offset,
                    "the character U+%04X is not part of the vocabulary".formatted(codePoint),
                    "Make the vocabulary of both texts, or take the character out.");
        }
        return number;
    }

    private static void writeNumber(int number, int width, OutputStream out) throws IOException {
        for (int shift = Byte.SIZE * (width - 1); shift >= 0; shift -= Byte.SIZE) {
            out.write(number >>> shift);
        }
    }

    /** How many tokens there are. */
    long count() {
        return stored.length() / width;
    }

    /** The number that begins at an index. */
    long at(byte[] bytes, int index) {
        long number = 0;
        for (int i = 0; i < width; i++) {
            number = number << Byte.SIZE | (bytes[index + i] & 0xff);
        }
        return number;
    }

    @Override
    public void close() {
        stored.close();
    }
}
