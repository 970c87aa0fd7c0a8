package dev.hivemind.rsocket.identity;

import static java.util.Objects.requireNonNull;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * The 256-bit name of a peer: SHA-256 of its raw Ed25519 public key. Peers prove possession of the key when a
 * connection is set up, so an id cannot be claimed by somebody else. Immutable.
 */
public final class PeerId implements Comparable<PeerId> {

    /** Length of an id in bytes. */
    public static final int BYTES = 32;

    private final byte[] bytes;

    private PeerId(byte[] bytes) {
        this.bytes = bytes;
    }

    /**
     * The id that belongs to a public key.
     *
     * @param publicKey 32 raw bytes
     */
    public static PeerId ofPublicKey(byte[] publicKey) {
        requireNonNull(publicKey, "publicKey");
        if (publicKey.length != PeerIdentity.PUBLIC_KEY_BYTES) {
            throw new IllegalArgumentException("An Ed25519 public key has %d bytes, not %d"
                    .formatted(PeerIdentity.PUBLIC_KEY_BYTES, publicKey.length));
        }
        return new PeerId(sha256(publicKey));
    }

    /** The id with these 32 bytes, which are copied. */
    public static PeerId fromBytes(byte[] bytes) {
        requireNonNull(bytes, "bytes");
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException("A peer id has %d bytes, not %d".formatted(BYTES, bytes.length));
        }
        return new PeerId(bytes.clone());
    }

    /** The id written by {@link #toString()}: 64 hexadecimal digits. */
    public static PeerId fromHex(String hex) {
        return fromBytes(HexFormat.of().parseHex(requireNonNull(hex, "hex")));
    }

    /** A copy of the 32 bytes. */
    public byte[] toBytes() {
        return bytes.clone();
    }

    /** The first eight hexadecimal digits: enough for people to tell peers apart in logs. */
    public String toShortString() {
        return HexFormat.of().formatHex(bytes, 0, 4);
    }

    @Override
    public int compareTo(PeerId other) {
        return Arrays.compareUnsigned(bytes, other.bytes);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PeerId that && Arrays.equals(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return HexFormat.of().formatHex(bytes);
    }

    private static byte[] sha256(byte[] input) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(input);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }
}
