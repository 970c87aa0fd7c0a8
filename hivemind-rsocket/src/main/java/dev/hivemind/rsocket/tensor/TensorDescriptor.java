package dev.hivemind.rsocket.tensor;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.error.ProtocolViolationException;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Element type and shape of one tensor. An instance is always consistent: at most {@link #MAX_RANK} dimensions, none
 * negative, and a size in bytes that fits an {@code int}.
 *
 * @param elementType type of every element
 * @param shape length of each dimension, outermost first; empty for a scalar
 */
public record TensorDescriptor(ElementType elementType, List<Long> shape) {

    /** The most dimensions a tensor may have. */
    public static final int MAX_RANK = 8;

    /** @throws ProtocolViolationException if the shape breaks a bound */
    public TensorDescriptor {
        requireNonNull(elementType, "elementType");
        shape = List.copyOf(shape);
        sizeBytes(elementType, shape);
    }

    /** A descriptor from a shape as plain numbers. */
    public static TensorDescriptor of(ElementType elementType, long... shape) {
        return new TensorDescriptor(
                elementType, java.util.Arrays.stream(shape).boxed().toList());
    }

    /** Number of elements; 1 for a scalar. */
    public int elements() {
        return sizeBytes() / elementType.sizeBytes();
    }

    /** Size of the uncompressed data in bytes. */
    public int sizeBytes() {
        return sizeBytes(elementType, shape);
    }

    /** The shape as plain numbers. */
    public long[] dimensions() {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }

    /** As people write it: {@code float32(64, 1024)}. */
    @Override
    public String toString() {
        return elementType.name().toLowerCase(java.util.Locale.ROOT)
                + shape.stream().map(String::valueOf).collect(Collectors.joining(", ", "(", ")"));
    }

    private static int sizeBytes(ElementType elementType, List<Long> shape) {
        if (shape.size() > MAX_RANK) {
            throw new ProtocolViolationException(
                    "A tensor has at most %d dimensions, not %d".formatted(MAX_RANK, shape.size()));
        }
        long bytes = elementType.sizeBytes();
        boolean empty = false;
        for (long length : shape) {
            if (length < 0 || length > Integer.MAX_VALUE) {
                throw new ProtocolViolationException("A dimension of length %d is out of bounds".formatted(length));
            }
            empty |= length == 0;
            // Zero lengths are left out so that an empty tensor cannot hide an absurd one.
            bytes *= Math.max(1, length);
            if (bytes > Integer.MAX_VALUE) {
                throw new ProtocolViolationException("A tensor of shape %s is too large".formatted(shape));
            }
        }
        return empty ? 0 : (int) bytes;
    }
}
