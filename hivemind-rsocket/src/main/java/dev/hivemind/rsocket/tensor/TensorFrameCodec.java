package dev.hivemind.rsocket.tensor;

import dev.hivemind.rsocket.error.ProtocolViolationException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Elements of a tensor to bytes and back, and tensors of one call back to back in one data part. */
public final class TensorFrameCodec {

    /** The most tensors a call may carry. */
    public static final int MAX_TENSORS = 64;

    private TensorFrameCodec() {}

    /**
     * Appends elements, compressed as the descriptor says. A tensor of two dimensions or more may be appended row by row.
     *
     * @param elements little-endian and in row-major order from the position on; position and limit stay as they are
     * @param target borrowed; {@link TensorDescriptor#wireBytes()} are appended
     */
    public static void encode(TensorDescriptor descriptor, ByteBuffer elements, ByteBuf target) {
        descriptor.compression().codec().encode(descriptor.layout(), elements, target);
    }

    /**
     * Writes uncompressed elements.
     *
     * @param data borrowed; its readable bytes are {@link TensorDescriptor#wireBytes()}
     * @param target takes {@link TensorDescriptor#sizeBytes()} from its position on, little-endian and in row-major
     *     order; position and limit stay as they are
     */
    public static void decode(TensorDescriptor descriptor, ByteBuf data, ByteBuffer target) {
        descriptor.compression().codec().decode(descriptor.layout(), data, target);
    }

    /** What the frames are, in their order. */
    public static List<TensorDescriptor> descriptors(List<TensorFrame> frames) {
        var descriptors = new ArrayList<TensorDescriptor>(frames.size());
        for (TensorFrame frame : frames) {
            descriptors.add(frame.descriptor());
        }
        return descriptors;
    }

    /**
     * Joins tensors to the data part of a call, without copying.
     *
     * <p>Ownership: takes over the frames, also when it throws; the caller owns the result.
     */
    public static ByteBuf join(List<TensorFrame> frames) {
        if (frames.size() == 1) {
            return frames.get(0).data();
        }
        CompositeByteBuf joined = ByteBufAllocator.DEFAULT.compositeBuffer(Math.max(1, frames.size()));
        frames.forEach(frame -> joined.addComponent(true, frame.data()));
        return joined;
    }

    /**
     * Cuts the data part of a call into its tensors, without copying.
     *
     * <p>Ownership: borrows {@code data}; the frames are views of it that hold no reference of their own, and are valid
     * as long as {@code data} is.
     *
     * @throws ProtocolViolationException if the descriptors do not add up to the bytes received
     */
    public static List<TensorFrame> slice(List<TensorDescriptor> descriptors, ByteBuf data) {
        requireMatchingLength(descriptors, data.readableBytes());
        var frames = new ArrayList<TensorFrame>(descriptors.size());
        int offset = data.readerIndex();
        for (TensorDescriptor descriptor : descriptors) {
            frames.add(new TensorFrame(descriptor, data.slice(offset, descriptor.wireBytes())));
            offset += descriptor.wireBytes();
        }
        return frames;
    }

    /**
     * Checks that tensors take exactly the bytes that arrived.
     *
     * @throws ProtocolViolationException if they do not
     */
    public static void requireMatchingLength(List<TensorDescriptor> descriptors, int receivedBytes) {
        long announced = 0;
        for (TensorDescriptor descriptor : descriptors) {
            announced += descriptor.wireBytes();
        }
        if (announced != receivedBytes) {
            throw new ProtocolViolationException(
                    "The header announces %d bytes of tensors, but %d arrived".formatted(announced, receivedBytes));
        }
    }
}
