package dev.hivemind.dht.storage;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Bytes and the moment at which they expire. Ordered by that moment, and by the unsigned bytes where it is the same.
 *
 * @param value at most {@value #MAX_VALUE_BYTES} bytes
 * @param expiresAt in whole milliseconds; finer parts are cut off
 */
public record PlainRecord(ByteString value, Instant expiresAt) implements DhtValue, Comparable<PlainRecord> {

    /** The largest value. */
    public static final int MAX_VALUE_BYTES = 16 * 1024;

    public PlainRecord {
        requireNonNull(value, "value");
        if (value.size() > MAX_VALUE_BYTES) {
            throw new IllegalArgumentException(
                    "A value has at most %d bytes, not %d".formatted(MAX_VALUE_BYTES, value.size()));
        }
        expiresAt = requireNonNull(expiresAt, "expiresAt").truncatedTo(ChronoUnit.MILLIS);
    }

    @Override
    public Instant nextExpiry() {
        return expiresAt;
    }

    @Override
    public int sizeBytes() {
        return value.size();
    }

    @Override
    public int recordCount() {
        return 1;
    }

    @Override
    public @Nullable PlainRecord retain(Predicate<Instant> expiry) {
        return expiry.test(expiresAt) ? this : null;
    }

    @Override
    public int compareTo(PlainRecord other) {
        int later = expiresAt.compareTo(other.expiresAt);
        return later != 0
                ? later
                : ByteString.unsignedLexicographicalComparator().compare(value, other.value);
    }
}
