package dev.hivemind.rsocket.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.handler.codec.ByteToMessageDecoder;

/**
 * Gathers what the socket gave until a frame is whole, without copying it. Only what a peer sends in dribs and drabs is
 * copied: else each would hold a whole receive buffer, and a frame could consist of a million parts.
 */
final class FrameCumulator implements ByteToMessageDecoder.Cumulator {

    static final FrameCumulator INSTANCE = new FrameCumulator();

    /** A buffer that is filled less than to this part is copied into one of the right size. */
    private static final int LEAST_FILLED_PART = 4;

    /** How many parts a frame may have before it is put together, and one more for each of so many bytes. */
    private static final int MIN_PARTS = 64;

    private static final int BYTES_PER_PART = 4_096;

    private FrameCumulator() {}

    @Override
    public ByteBuf cumulate(ByteBufAllocator allocator, ByteBuf gathered, ByteBuf more) {
        ByteBuf next = gathered.isReadable() ? fitted(allocator, more) : more;
        ByteBuf all = ByteToMessageDecoder.COMPOSITE_CUMULATOR.cumulate(allocator, gathered, next);
        if (all instanceof CompositeByteBuf parts
                && parts.numComponents() > MIN_PARTS + parts.readableBytes() / BYTES_PER_PART) {
            parts.consolidate();
        }
        return all;
    }

    private static ByteBuf fitted(ByteBufAllocator allocator, ByteBuf buffer) {
        int bytes = buffer.readableBytes();
        if (bytes == 0 || bytes >= buffer.capacity() / LEAST_FILLED_PART) {
            return buffer;
        }
        try {
            return allocator.buffer(bytes).writeBytes(buffer);
        } finally {
            buffer.release();
        }
    }
}
