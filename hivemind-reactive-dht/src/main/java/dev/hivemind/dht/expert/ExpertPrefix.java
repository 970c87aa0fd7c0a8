package dev.hivemind.dht.expert;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.storage.DhtKey;
import java.util.regex.Pattern;

/**
 * The beginning of expert uids: a name, perhaps coordinates, and a dot, such as {@code ffn.} or {@code ffn.3.}.
 *
 * @param value the prefix with its last dot, at most {@value ExpertUid#MAX_BYTES} bytes of UTF-8
 */
public record ExpertPrefix(String value) {

    private static final Pattern GRAMMAR = Pattern.compile(ExpertUid.NAME + "(?:\\." + ExpertUid.COORDINATE + ")*\\.");

    /**
     * Checks the prefix.
     *
     * @throws IllegalArgumentException with a message for people, if it is malformed
     */
    public ExpertPrefix {
        requireNonNull(value, "value");
        if (!Utf8.fits(value, ExpertUid.MAX_BYTES) || !GRAMMAR.matcher(value).matches()) {
            throw new IllegalArgumentException(
                    "'%s' is not a prefix of expert uids. Write NAME. or NAME.INDEX., for example ffn. or ffn.3."
                            .formatted(Utf8.abbreviate(value)));
        }
    }

    /** The prefix that ends with this coordinate. */
    public ExpertPrefix child(int coordinate) {
        return new ExpertPrefix(value + coordinate + ".");
    }

    /** The uid that ends with this coordinate. */
    public ExpertUid uid(int coordinate) {
        return new ExpertUid(value + coordinate);
    }

    /** Whether a uid begins with this prefix and goes on with this coordinate. */
    boolean leadsTo(ExpertUid uid, int coordinate) {
        return (uid.value() + ".").startsWith(value + coordinate + ".");
    }

    /** Where the successors are declared. */
    DhtKey key() {
        return DhtKey.of(value);
    }

    @Override
    public String toString() {
        return value;
    }
}
