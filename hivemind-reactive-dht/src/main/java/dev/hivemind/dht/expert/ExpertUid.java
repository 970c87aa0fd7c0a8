package dev.hivemind.dht.expert;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.storage.DhtKey;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The name of an expert: a name without dots, then one or more coordinates, such as {@code ffn.3.17}. Coordinates have
 * no leading zeros and at most nine digits.
 *
 * @param value the whole name, at most {@value #MAX_BYTES} bytes of UTF-8
 */
public record ExpertUid(String value) implements Comparable<ExpertUid> {

    /** The longest uid, in bytes of UTF-8. */
    public static final int MAX_BYTES = DhtKey.MAX_BYTES;

    static final String NAME = "[^.]+";
    static final String COORDINATE = "(?:0|[1-9][0-9]{0,8})";
    private static final Pattern GRAMMAR = Pattern.compile(NAME + "(?:\\." + COORDINATE + ")+");

    /**
     * Checks the name.
     *
     * @throws IllegalArgumentException with a message for people, if it is malformed
     */
    public ExpertUid {
        requireNonNull(value, "value");
        if (!Utf8.fits(value, MAX_BYTES) || !GRAMMAR.matcher(value).matches()) {
            throw new IllegalArgumentException(
                    "'%s' is not an expert uid. Write NAME.INDEX or NAME.INDEX.INDEX, for example ffn.3.17"
                            .formatted(Utf8.abbreviate(value)));
        }
    }

    /** Everything before the last coordinate: {@code ffn.3.} for {@code ffn.3.17}. */
    public ExpertPrefix prefix() {
        return new ExpertPrefix(value.substring(0, value.lastIndexOf('.') + 1));
    }

    /** The last coordinate. */
    public int coordinate() {
        return Integer.parseInt(value.substring(value.lastIndexOf('.') + 1));
    }

    /** All coordinates, first dimension first. */
    public List<Integer> coordinates() {
        String[] parts = value.split("\\.", -1);
        List<Integer> coordinates = new ArrayList<>(parts.length - 1);
        for (int i = 1; i < parts.length; i++) {
            coordinates.add(Integer.parseInt(parts[i]));
        }
        return List.copyOf(coordinates);
    }

    /** Where the expert's owners are declared. */
    DhtKey key() {
        return DhtKey.of(value);
    }

    @Override
    public int compareTo(ExpertUid other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
