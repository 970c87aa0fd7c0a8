package dev.hivemind.benchmarks.wire;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import java.util.ArrayList;
import java.util.List;

/**
 * The least framing that carries the same: length of the frame (4 bytes), what to do (1), size of the whole message (4),
 * and a piece of the message of at most {@value #CHUNK_BYTES} bytes.
 */
final class RawFrames {

    static final int CHUNK_BYTES = 256 * 1_024;
    static final int HEADER_BYTES = 5;

    private static final int LENGTH_BYTES = 4;
    /** Below it one copy costs less than one buffer more to write. */
    private static final int WORTH_A_REFERENCE = 1_024;

    private RawFrames() {}

    /** Cuts what arrives into frames without their lengths. */
    static LengthFieldBasedFrameDecoder decoder() {
        var decoder = new LengthFieldBasedFrameDecoder(
                LENGTH_BYTES + HEADER_BYTES + CHUNK_BYTES, 0, LENGTH_BYTES, 0, LENGTH_BYTES);
        decoder.setCumulator(ByteToMessageDecoder.COMPOSITE_CUMULATOR);
        return decoder;
    }

    /** The frames of a message, which is borrowed. The caller owns them. */
    static List<ByteBuf> of(Op op, ByteBuf message) {
        int total = message.readableBytes();
        List<ByteBuf> frames = new ArrayList<>(1 + total / CHUNK_BYTES);
        int offset = 0;
        do {
            int size = Math.min(CHUNK_BYTES, total - offset);
            frames.add(frame(op, total, message.slice(message.readerIndex() + offset, size)));
            offset += size;
        } while (offset < total);
        return frames;
    }

    private static ByteBuf frame(Op op, int total, ByteBuf piece) {
        int size = piece.readableBytes();
        boolean copied = size < WORTH_A_REFERENCE;
        ByteBuf header = ByteBufAllocator.DEFAULT
                .directBuffer(LENGTH_BYTES + HEADER_BYTES + (copied ? size : 0))
                .writeInt(HEADER_BYTES + size)
                .writeByte(op.code())
                .writeInt(total);
        return copied
                ? header.writeBytes(piece)
                : ByteBufAllocator.DEFAULT.compositeDirectBuffer(2).addComponents(true, header, piece.retain());
    }
}
