package dev.hivemind.rsocket.frame;

import java.nio.ByteBuffer;
import java.util.UUID;

/**
 * The 128-bit name of a call. A retry repeats it, so that a server can tell a repeated call from a new one.
 *
 * @param high first eight bytes, big-endian
 * @param low last eight bytes, big-endian
 */
public record CallId(long high, long low) {

    /** Length on the wire in bytes. */
    public static final int BYTES = 16;

    /** Stands for no call: that of a reply which was not sent. Nobody chooses it. */
    public static final CallId NONE = new CallId(0, 0);

    /** A new id, which nobody else will ever choose. */
    public static CallId random() {
        UUID uuid = UUID.randomUUID();
        return new CallId(uuid.getMostSignificantBits(), uuid.getLeastSignificantBits());
    }

    static CallId fromBytes(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return new CallId(buffer.getLong(), buffer.getLong());
    }

    byte[] toBytes() {
        return ByteBuffer.allocate(BYTES).putLong(high).putLong(low).array();
    }

    @Override
    public String toString() {
        return "%016x%016x".formatted(high, low);
    }
}
