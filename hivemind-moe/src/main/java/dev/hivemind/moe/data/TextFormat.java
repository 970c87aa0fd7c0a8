package dev.hivemind.moe.data;

import org.jspecify.annotations.Nullable;

/**
 * How a text becomes sequences.
 *
 * @param sequenceLength tokens of one sequence, at least 1
 * @param stride from the beginning of one sequence to that of the next, in tokens; at least 1
 * @param unit what a token is
 * @param vocabulary the characters, of a text that was read before, so that both are numbered alike; null for those that
 *     occur in the text itself
 * @param replacesMalformed whether bytes that are no UTF-8 become U+FFFD, and are no error
 */
public record TextFormat(
        int sequenceLength, int stride, Unit unit, @Nullable Vocabulary vocabulary, boolean replacesMalformed) {

    private static final int MAX_SEQUENCE_LENGTH = 1 << 20;

    /** What a token is. */
    public enum Unit {
        /** A byte, numbered 0 to 255. */
        BYTE,
        /** A Unicode code point, numbered by a {@link Vocabulary}. */
        CHARACTER
    }

    /** @throws IllegalArgumentException if a value is out of its bounds */
    public TextFormat {
        if (sequenceLength < 1 || sequenceLength > MAX_SEQUENCE_LENGTH || stride < 1) {
            throw new IllegalArgumentException(
                    "sequenceLength lies between 1 and %d, and stride is at least 1, but they are %d and %d"
                            .formatted(MAX_SEQUENCE_LENGTH, sequenceLength, stride));
        }
        if (unit == Unit.BYTE && vocabulary != null) {
            throw new IllegalArgumentException("Bytes need no vocabulary");
        }
    }

    /** Sequences of bytes, one after the other. */
    public static TextFormat bytes(int sequenceLength) {
        return new TextFormat(sequenceLength, sequenceLength, Unit.BYTE, null, false);
    }

    /** Sequences of characters, one after the other. */
    public static TextFormat characters(int sequenceLength) {
        return new TextFormat(sequenceLength, sequenceLength, Unit.CHARACTER, null, false);
    }

    /** The same with sequences that begin so many tokens apart. */
    public TextFormat withStride(int other) {
        return new TextFormat(sequenceLength, other, unit, vocabulary, replacesMalformed);
    }

    /** The same with characters numbered so; others are an error. */
    public TextFormat withVocabulary(Vocabulary other) {
        return new TextFormat(sequenceLength, stride, unit, other, replacesMalformed);
    }

    /** The same with U+FFFD in place of bytes that are no UTF-8. */
    public TextFormat withReplacement() {
        return new TextFormat(sequenceLength, stride, unit, vocabulary, true);
    }
}
