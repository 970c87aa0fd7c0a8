package dev.hivemind.rsocket.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.ByteToMessageDecoder.Cumulator;

/**
 * What was read of a frame that is not whole. Large reads are joined without being copied. Once a small one is among them
 * all are copied into one buffer, and so are those that follow until the frame is whole: many small reads would else hold
 * many large buffers. One per connection, on its event loop.
 */
final class FramePieces implements Cumulator {

    /** A read below this is copied. */
    static final int MIN_PIECE_BYTES = 16 << 10;

    /** Bytes that fill less of their buffer are copied. */
    private static final int MAX_BUFFER_PER_PIECE = 4;

    private boolean copying;

    /** The bytes that follow belong to another frame. */
    void begin() {
        copying = false;
    }

    @Override
    public ByteBuf cumulate(ByteBufAllocator allocator, ByteBuf pieces, ByteBuf read) {
        if (!pieces.isReadable()) {
            return ByteToMessageDecoder.MERGE_CUMULATOR.cumulate(allocator, pieces, read);
        }
        copying |= read.readableBytes() < MIN_PIECE_BYTES || isSparse(read);
        if (copying) {
            return pieces instanceof CompositeByteBuf
                    ? copied(allocator, pieces, read)
                    : ByteToMessageDecoder.MERGE_CUMULATOR.cumulate(allocator, pieces, read);
        }
        // The beginning of the frame, behind the end of the last one.
        return isSparse(pieces)
                ? copied(allocator, pieces, read)
                : ByteToMessageDecoder.COMPOSITE_CUMULATOR.cumulate(allocator, pieces, read);
    }

    private static boolean isSparse(ByteBuf bytes) {
        return bytes.capacity() / MAX_BUFFER_PER_PIECE > bytes.readableBytes();
    }

    /** Takes both over, but for the pieces if there is no memory. */
    private static ByteBuf copied(ByteBufAllocator allocator, ByteBuf pieces, ByteBuf read) {
        try {
            ByteBuf copy = allocator.buffer(pieces.readableBytes() + read.readableBytes());
            copy.writeBytes(pieces).writeBytes(read);
            pieces.release();
            return copy;
        } finally {
            read.release();
        }
    }
}
