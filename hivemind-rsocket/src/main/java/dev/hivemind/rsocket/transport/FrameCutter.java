package dev.hivemind.rsocket.transport;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.codec.TooLongFrameException;

/**
 * Cuts the byte stream into frames, each with its length before it. Until the first fire-and-forget request, by which a
 * peer proves who it is, frames are short: else strangers on many connections could have us hold a large unfinished
 * frame on each.
 */
final class FrameCutter extends LengthFieldBasedFrameDecoder {

    private static final int LENGTH_BYTES = 3;

    private final FramePieces pieces = new FramePieces();
    private final int maxOpeningBytes;
    private boolean opening;

    FrameCutter(int maxOpeningBytes, int maxFrameBytes) {
        super(maxFrameBytes, 0, LENGTH_BYTES, 0, 0);
        setCumulator(pieces);
        setDiscardAfterReads(1);
        this.maxOpeningBytes = maxOpeningBytes;
        this.opening = maxOpeningBytes < maxFrameBytes;
    }

    @Override
    protected Object decode(ChannelHandlerContext context, ByteBuf bytes) throws Exception {
        if (opening
                && bytes.readableBytes() >= LENGTH_BYTES
                && bytes.getUnsignedMedium(bytes.readerIndex()) > maxOpeningBytes) {
            bytes.skipBytes(bytes.readableBytes());
            throw new TooLongFrameException("A frame before the proof has at most " + maxOpeningBytes + " bytes");
        }
        Object frame = super.decode(context, bytes);
        if (frame != null) {
            pieces.begin();
        }
        if (opening && frame instanceof ByteBuf whole && FrameRules.isFireAndForget(whole)) {
            opening = false;
        }
        return frame;
    }
}
