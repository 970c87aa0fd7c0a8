package dev.hivemind.moe.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/** Decodes a stream of UTF-8 through windows of fixed size, and knows where each code point begins. */
final class Utf8Scanner {

    private static final int WINDOW_BYTES = 1 << 16;
    private static final int REPLACEMENT = 0xFFFD;
    private static final int END_OF_ONE_BYTE = 0x80;
    private static final int END_OF_TWO_BYTES = 0x800;

    private final String file;
    private final boolean replaces;
    private final ByteBuffer bytes = ByteBuffer.allocate(WINDOW_BYTES);
    private final CharBuffer chars = CharBuffer.allocate(WINDOW_BYTES);
    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();

    /** Where the first byte of the window stands in the stream. */
    private long windowOffset;

    private long malformed;

    /** Hears of code points. */
    @FunctionalInterface
    interface Sink {

        /** Hears of the next code point, whose first byte stands at the offset. */
        void accept(int codePoint, long offset) throws IOException;
    }

    /** @param replaces whether malformed bytes become U+FFFD, and are no error */
    Utf8Scanner(String file, boolean replaces) {
        this.file = file;
        this.replaces = replaces;
    }

    /**
     * Reads to the end; returns how many malformed places were replaced. To be called once.
     *
     * @throws DataException.Malformed at the first malformed place, unless they are replaced
     */
    long scan(InputStream in, Sink sink) throws IOException {
        boolean atEnd = false;
        while (!atEnd) {
            int read = in.read(bytes.array(), bytes.position(), bytes.remaining());
            atEnd = read < 0;
            bytes.position(bytes.position() + Math.max(0, read)).flip();
            decodeWindow(atEnd, sink);
            windowOffset += bytes.position();
            bytes.compact();
        }
        return malformed;
    }

    private void decodeWindow(boolean atEnd, Sink sink) throws IOException {
        while (true) {
            long offset = windowOffset + bytes.position();
            CoderResult result = decoder.decode(bytes, chars, atEnd);
            emit(offset, sink);
            if (result.isUnderflow()) {
                return;
            } else if (result.isMalformed()) {
                replace(result.length(), sink);
            }
        }
    }

    private void emit(long offset, Sink sink) throws IOException {
        chars.flip();
        long next = offset;
        while (chars.hasRemaining()) {
            char first = chars.get();
            int codePoint = Character.isHighSurrogate(first) ? Character.toCodePoint(first, chars.get()) : first;
            sink.accept(codePoint, next);
            next += bytesOf(codePoint);
        }
        chars.clear();
    }

    private void replace(int length, Sink sink) throws IOException {
        long offset = windowOffset + bytes.position();
        if (!replaces) {
            throw new DataException.Malformed(
                    file,
                    offset,
                    "this is no UTF-8",
                    "Convert the text to UTF-8, or have malformed bytes replaced (TextFormat.withReplacement).");
        }
        malformed++;
        bytes.position(bytes.position() + length);
        sink.accept(REPLACEMENT, offset);
    }

    private static int bytesOf(int codePoint) {
        if (codePoint < END_OF_ONE_BYTE) {
            return 1;
        } else if (codePoint < END_OF_TWO_BYTES) {
            return 2;
        }
        return Character.isBmpCodePoint(codePoint) ? 3 : 4;
    }
}
