package dev.hivemind.rsocket.tensor;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.compression.TensorCodec;
import dev.hivemind.rsocket.compression.TensorLayout;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Element type and shape of one tensor, and how its elements are written. An instance is always consistent: at most
 * {@link #MAX_RANK} dimensions, none negative, sizes in bytes that fit an {@code int}, and a compression that can write
 * elements of this type.
 *
 * @param elementType type of every element
 * @param shape length of each dimension, outermost first; empty for a scalar
 * @param compression codec of the data on the wire
 */
public record TensorDescriptor(ElementType elementType, List<Long> shape, Compression compression) {

    /** The most dimensions a tensor may have. */
    public static final int MAX_RANK = 8;

    /** @throws ProtocolViolationException if the shape breaks a bound, or the compression cannot write such elements */
    public TensorDescriptor {
        requireNonNull(elementType, "elementType");
        requireNonNull(compression, "compression");
        shape = List.copyOf(shape);
        TensorLayout layout = layout(elementType, shape);
        if (!compression.codec().supports(layout)) {
            throw new ProtocolViolationException("Tensors of %s cannot be compressed as %s: send them uncompressed"
                    .formatted(elementType, compression));
        }
        if (compression.codec().encodedBytes(layout) > Integer.MAX_VALUE) {
            throw new ProtocolViolationException(
                    "A tensor of shape %s is too large as %s".formatted(shape, compression));
        }
    }

    /** The descriptor of uncompressed data. */
    public TensorDescriptor(ElementType elementType, List<Long> shape) {
        this(elementType, shape, Compression.NONE);
    }

    /** The descriptor of uncompressed data, from a shape as plain numbers. */
    public static TensorDescriptor of(ElementType elementType, long... shape) {
        List<Long> lengths = new ArrayList<>(shape.length);
        for (long length : shape) {
            lengths.add(length);
        }
        return new TensorDescriptor(elementType, lengths);
    }

    /** Number of elements; 1 for a scalar. */
    public int elements() {
        return sizeBytes() / elementType.sizeBytes();
    }

    /** Size of the uncompressed data in bytes. */
    public int sizeBytes() {
        return sizeBytes(elementType, shape);
    }

    /** Size of the data on the wire in bytes. */
    public int wireBytes() {
        return (int) compression.codec().encodedBytes(layout());
    }

    /** The elements as codecs see them. */
    public TensorLayout layout() {
        return layout(elementType, shape);
    }

    /** Whether the data are compressed. */
    public boolean isCompressed() {
        return compression != Compression.NONE;
    }

    /** The same tensor, uncompressed. */
    public TensorDescriptor uncompressed() {
        return isCompressed() ? new TensorDescriptor(elementType, shape) : this;
    }

    /** The same tensor with another compression, or uncompressed if that cannot make it smaller. */
    public TensorDescriptor compressedBy(Compression wanted) {
        TensorCodec codec = wanted.codec();
        TensorLayout layout = layout();
        boolean pays = codec.supports(layout) && codec.encodedBytes(layout) < layout.sizeBytes();
        return pays ? new TensorDescriptor(elementType, shape, wanted) : uncompressed();
    }

    /** The shape as plain numbers. */
    public long[] dimensions() {
        long[] dimensions = new long[shape.size()];
        Arrays.setAll(dimensions, shape::get);
        return dimensions;
    }

    /** As people write it: {@code float32(64, 1024)}, or {@code float32(64, 1024) as int8}. */
    @Override
    public String toString() {
        return elementType.name().toLowerCase(java.util.Locale.ROOT)
                + shape.stream().map(String::valueOf).collect(Collectors.joining(", ", "(", ")"))
                + (isCompressed() ? " as " + compression : "");
    }

    private static TensorLayout layout(ElementType elementType, List<Long> shape) {
        int elements = sizeBytes(elementType, shape) / elementType.sizeBytes();
        int rowLength =
                elements == 0 || shape.isEmpty() ? Math.min(1, elements) : Math.toIntExact(shape.get(shape.size() - 1));
        int rows = elements == 0 ? 0 : elements / rowLength;
        return new TensorLayout(rows, rowLength, elementType.sizeBytes(), elementType.isFloatingPoint());
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
