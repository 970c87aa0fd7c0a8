package dev.hivemind.moe.data;

import java.util.Arrays;
import java.util.BitSet;

/** The characters of a text, numbered from 0 in the order of their Unicode code points. Immutable. */
public final class Vocabulary {

    private final int[] codePoints;

    private Vocabulary(int[] codePoints) {
        this.codePoints = codePoints;
    }

    /**
     * The characters that occur in a text.
     *
     * @throws IllegalArgumentException if there are none
     */
    public static Vocabulary of(String text) {
        var seen = new BitSet();
        text.codePoints().forEach(seen::set);
        return of(seen);
    }

    static Vocabulary of(BitSet codePoints) {
        if (codePoints.isEmpty()) {
            throw new IllegalArgumentException("A vocabulary has at least one character");
        }
        return new Vocabulary(codePoints.stream().toArray());
    }

    /** How many characters there are. */
    public int size() {
        return codePoints.length;
    }

    /** The number of a character, or a negative number for one that does not occur. */
    public int indexOf(int codePoint) {
        return Arrays.binarySearch(codePoints, codePoint);
    }

    /**
     * The text of these numbers.
     *
     * @throws IndexOutOfBoundsException if a number stands for no character
     */
    public String decode(long... numbers) {
        var text = new StringBuilder(numbers.length);
        for (long number : numbers) {
            text.appendCodePoint(codePoints[Math.toIntExact(number)]);
        }
        return text.toString();
    }
}
