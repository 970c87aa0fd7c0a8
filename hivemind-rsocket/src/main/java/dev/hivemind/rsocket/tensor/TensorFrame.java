package dev.hivemind.rsocket.tensor;

import static java.util.Objects.requireNonNull;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/**
 * One tensor in transit: what it is, and a buffer with its elements as the descriptor's compression writes them;
 * uncompressed, that is little-endian and in row-major order.
 *
 * <p>Ownership: whoever holds a frame owns one reference to its buffer and ends with {@link #release()}. A method that
 * takes a frame as an argument borrows it unless it says otherwise.
 *
 * @param descriptor element type, shape and compression
 * @param data readable bytes exactly as many as the descriptor says there are on the wire
 */
public record TensorFrame(TensorDescriptor descriptor, ByteBuf data) {

    public TensorFrame {
        requireNonNull(descriptor, "descriptor");
        requireNonNull(data, "data");
        if (data.readableBytes() != descriptor.wireBytes()) {
            throw new IllegalArgumentException("%s takes %d bytes, but the buffer holds %d"
                    .formatted(descriptor, descriptor.wireBytes(), data.readableBytes()));
        }
    }

    /**
     * A frame with the elements in a pooled buffer, compressed as the descriptor says. The caller owns it.
     *
     * @param elements little-endian and in row-major order from the position on; position and limit stay as they are
     */
    public static TensorFrame encode(TensorDescriptor descriptor, ByteBuffer elements) {
        ByteBuf data = TensorBuffers.allocate(descriptor.wireBytes());
        try {
            TensorFrameCodec.encode(descriptor, elements, data);
            return new TensorFrame(descriptor, data);
        } catch (RuntimeException | Error e) {
            data.release();
            throw e;
        }
    }

    /**
     * Writes the uncompressed elements to a buffer, little-endian and in row-major order.
     *
     * @param target takes {@link TensorDescriptor#sizeBytes()} from its position on; position and limit stay as they are
     */
    public void decodeInto(ByteBuffer target) {
        TensorFrameCodec.decode(descriptor, data, target);
    }

    /** The same tensor, uncompressed, in a pooled buffer of its own that the caller owns. Borrows this frame. */
    public TensorFrame decompress() {
        TensorDescriptor plain = descriptor.uncompressed();
        ByteBuf elements = TensorBuffers.allocate(plain.sizeBytes());
        try {
            decodeInto(elements.nioBuffer(0, plain.sizeBytes()));
            return new TensorFrame(plain, elements.writerIndex(plain.sizeBytes()));
        } catch (RuntimeException | Error e) {
            elements.release();
            throw e;
        }
    }

    /** Gives up this reference to the buffer. */
    public void release() {
        data.release();
    }
}
