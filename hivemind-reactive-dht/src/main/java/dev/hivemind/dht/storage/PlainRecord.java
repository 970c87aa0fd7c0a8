package dev.hivemind.dht.storage;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Bytes and the moment at which they expire. Records that belong to somebody rank above those that do
 * not, and among themselves by their sequence; then the moment decides, and the unsigned bytes where it is the same.
 *
 * @param value at most {@value #MAX_VALUE_BYTES} bytes
 * @param expiresAt in whole milliseconds; finer parts are cut off
 * @param owned whose it is; null if anybody may replace it
 */
public record PlainRecord(
        ByteString value, Instant expiresAt, @Nullable Ownership owned) implements DhtValue, Comparable<PlainRecord> {

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

    /** Bytes that belong to nobody. */
    public PlainRecord(ByteString value, Instant expiresAt) {
        this(value, expiresAt, null);
    }

    /** Whether the owner withdrew what was here. */
    public boolean isTombstone() {
        return owned != null && value.isEmpty();
    }

    private long sequence() {
        return owned == null ? 0 : owned.sequence();
    }

    @Override
    public Instant nextExpiry() {
        return expiresAt;
    }

    @Override
    public int sizeBytes() {
        return value.size() + (owned == null ? 0 : Ownership.SIZE_BYTES);
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
        int newer = Long.compare(sequence(), other.sequence());
        if (newer != 0) {
            return newer;
        }
        int later = expiresAt.compareTo(other.expiresAt);
        return later != 0
                ? later
                : ByteString.unsignedLexicographicalComparator().compare(value, other.value);
    }
}
