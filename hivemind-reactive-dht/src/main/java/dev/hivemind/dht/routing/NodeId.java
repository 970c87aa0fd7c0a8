package dev.hivemind.dht.routing;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.identity.PeerId;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;

/**
 * A point of the DHT's 256-bit space, at which peers and keys lie. The distance of two points is the XOR of their bits,
 * read as an unsigned number. Four longs, so that comparing allocates nothing.
 *
 * @param first the most significant 64 bits
 * @param second the next 64 bits
 * @param third the next 64 bits
 * @param fourth the least significant 64 bits
 */
public record NodeId(long first, long second, long third, long fourth) implements Comparable<NodeId> {

    /** Length of an id in bytes. */
    public static final int BYTES = 32;

    /** Length of an id in bits. */
    public static final int BITS = 256;

    /** The lowest id. */
    public static final NodeId ZERO = new NodeId(0, 0, 0, 0);

    /** Where a peer lies: its peer id, read as a big-endian number. */
    public static NodeId of(PeerId peer) {
        return fromBytes(requireNonNull(peer, "peer").toBytes());
    }

    /** Where a key lies: the SHA-256 of its bytes. */
    public static NodeId ofKey(byte[] key) {
        try {
            return fromBytes(MessageDigest.getInstance("SHA-256").digest(requireNonNull(key, "key")));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    /**
     * The id with these 32 bytes, big-endian.
     *
     * @throws IllegalArgumentException if there are more or fewer
     */
    public static NodeId fromBytes(byte[] bytes) {
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException("A DHT id has %d bytes, not %d".formatted(BYTES, bytes.length));
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return new NodeId(buffer.getLong(), buffer.getLong(), buffer.getLong(), buffer.getLong());
    }

    /** The 32 bytes, big-endian. */
    public byte[] toBytes() {
        return ByteBuffer.allocate(BYTES)
                .putLong(first)
                .putLong(second)
                .putLong(third)
                .putLong(fourth)
                .array();
    }

    /** The distance to another id, itself a number of 256 bits. */
    public NodeId distance(NodeId other) {
        return new NodeId(first ^ other.first, second ^ other.second, third ^ other.third, fourth ^ other.fourth);
    }

    /** How many leading bits two ids share: 0 to 256. */
    public int commonPrefixLength(NodeId other) {
        if (first != other.first) {
            return Long.numberOfLeadingZeros(first ^ other.first);
        } else if (second != other.second) {
            return Long.SIZE + Long.numberOfLeadingZeros(second ^ other.second);
        } else if (third != other.third) {
            return 2 * Long.SIZE + Long.numberOfLeadingZeros(third ^ other.third);
        }
        return 3 * Long.SIZE + Long.numberOfLeadingZeros(fourth ^ other.fourth);
    }

    /** Negative if {@code left} lies nearer to this id than {@code right}, positive if farther, else zero. */
    public int compareDistance(NodeId left, NodeId right) {
        if (left.first != right.first) {
            return Long.compareUnsigned(first ^ left.first, first ^ right.first);
        } else if (left.second != right.second) {
            return Long.compareUnsigned(second ^ left.second, second ^ right.second);
        } else if (left.third != right.third) {
            return Long.compareUnsigned(third ^ left.third, third ^ right.third);
        }
        return Long.compareUnsigned(fourth ^ left.fourth, fourth ^ right.fourth);
    }

    /** Orders contacts by their distance to this id, nearest first. */
    public Comparator<Contact> nearestFirst() {
        return (left, right) -> compareDistance(left.id(), right.id());
    }

    /** Whether a bit is set: 0 is the most significant one, 255 the least. */
    boolean hasBit(int index) {
        long word =
                index < 2 * Long.SIZE ? (index < Long.SIZE ? first : second) : index < 3 * Long.SIZE ? third : fourth;
        return (word << index) < 0;
    }

    /**
     * This id with one bit set.
     *
     * @param index 0 for the most significant bit, up to 255
     */
    NodeId withBit(int index) {
        long bit = Long.MIN_VALUE >>> (index % Long.SIZE);
        return switch (index / Long.SIZE) {
            case 0 -> new NodeId(first | bit, second, third, fourth);
            case 1 -> new NodeId(first, second | bit, third, fourth);
            case 2 -> new NodeId(first, second, third | bit, fourth);
            default -> new NodeId(first, second, third, fourth | bit);
        };
    }

    /** The first {@code bits} bits of this id, then zeroes. */
    public NodeId prefix(int bits) {
        return withSuffix(ZERO, bits);
    }

    /** The first {@code bits} bits of this id, then those of another. */
    NodeId withSuffix(NodeId other, int bits) {
        return new NodeId(
                mixed(first, other.first, bits),
                mixed(second, other.second, bits - Long.SIZE),
                mixed(third, other.third, bits - 2 * Long.SIZE),
                mixed(fourth, other.fourth, bits - 3 * Long.SIZE));
    }

    private static long mixed(long prefix, long suffix, int bits) {
        if (bits <= 0) {
            return suffix;
        } else if (bits >= Long.SIZE) {
            return prefix;
        }
        long mask = -1L << (Long.SIZE - bits);
        return (prefix & mask) | (suffix & ~mask);
    }

    /** Orders ids as unsigned numbers. */
    @Override
    public int compareTo(NodeId other) {
        return ZERO.compareDistance(this, other);
    }

    /** 64 hexadecimal digits. */
    @Override
    public String toString() {
        return HexFormat.of().formatHex(toBytes());
    }
}
