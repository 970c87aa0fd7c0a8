package dev.hivemind.rsocket.frame;

import java.nio.ByteBuffer;
import java.util.concurrent.ThreadLocalRandom;

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

    /** A new id, which this peer will not choose again. It need not be hard to guess: nobody answers to another's ids. */
    public static CallId random() {
        var random = ThreadLocalRandom.current();
        return new CallId(random.nextLong(), random.nextLong());
    }

    static CallId read(ByteBuffer bytes) {
        return new CallId(bytes.getLong(), bytes.getLong());
    }

    byte[] toBytes() {
        return ByteBuffer.allocate(BYTES).putLong(high).putLong(low).array();
    }

    @Override
    public String toString() {
        return "%016x%016x".formatted(high, low);
    }
}
