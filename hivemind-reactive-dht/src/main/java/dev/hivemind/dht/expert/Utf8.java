package dev.hivemind.dht.expert;

import java.nio.charset.StandardCharsets;

/** Bounds for texts that travel as UTF-8. */
final class Utf8 {

    private static final int MAX_QUOTED = 64;

    private Utf8() {}

    /** Whether a text is proper Unicode and takes no more than so many bytes. */
    static boolean fits(String text, int maxBytes) {
        return text.length() <= maxBytes
                && StandardCharsets.UTF_8.newEncoder().canEncode(text)
                && text.getBytes(StandardCharsets.UTF_8).length <= maxBytes;
    }

    /** The beginning of a text, for messages. */
    static String abbreviate(String text) {
        return text.length() <= MAX_QUOTED ? text : text.substring(0, MAX_QUOTED) + "…";
    }
}
