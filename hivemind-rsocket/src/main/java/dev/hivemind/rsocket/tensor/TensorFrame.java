package dev.hivemind.rsocket.tensor;

import static java.util.Objects.requireNonNull;

import io.netty.buffer.ByteBuf;

/**
 * One tensor in transit: what it is, and a buffer with its little-endian elements in row-major order.
 *
 * <p>Ownership: whoever holds a frame owns one reference to its buffer and ends with {@link #release()}. A method that
 * takes a frame as an argument borrows it unless it says otherwise.
 *
 * @param descriptor element type and shape
 * @param data readable bytes exactly as many as the descriptor says
 */
public record TensorFrame(TensorDescriptor descriptor, ByteBuf data) {

    public TensorFrame {
        requireNonNull(descriptor, "descriptor");
        requireNonNull(data, "data");
        if (data.readableBytes() != descriptor.sizeBytes()) {
            throw new IllegalArgumentException("%s takes %d bytes, but the buffer holds %d"
                    .formatted(descriptor, descriptor.sizeBytes(), data.readableBytes()));
        }
    }

    /** Gives up this reference to the buffer. */
    public void release() {
        data.release();
    }
}
