package dev.hivemind.dht.storage;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.NodeId;

/**
 * The name under which records are stored.
 *
 * @param bytes at most {@value #MAX_BYTES} bytes
 */
public record DhtKey(ByteString bytes) {

    /** The longest key. */
    public static final int MAX_BYTES = 256;

    public DhtKey {
        requireNonNull(bytes, "bytes");
        if (bytes.size() > MAX_BYTES) {
            throw new IllegalArgumentException("A key has at most %d bytes, not %d".formatted(MAX_BYTES, bytes.size()));
        }
    }

    /** The key that is a text, in UTF-8. */
    public static DhtKey of(String text) {
        return new DhtKey(ByteString.copyFromUtf8(text));
    }

    /** Where the key lies: the SHA-256 of its bytes. */
    public NodeId target() {
        return NodeId.ofKey(bytes.toByteArray());
    }

    @Override
    public String toString() {
        return "DhtKey[" + (bytes.isValidUtf8() ? bytes.toStringUtf8() : bytes.toString()) + "]";
    }
}
