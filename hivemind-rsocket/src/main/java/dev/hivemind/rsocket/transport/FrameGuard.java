package dev.hivemind.rsocket.transport;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.DecoderException;
import io.rsocket.transport.netty.RSocketLengthCodec;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.netty.Connection;

/**
 * Cuts the byte stream into RSocket frames, and closes the connection when a frame is longer than allowed. The stock
 * transport would drop the frame and leave its sender waiting.
 */
final class FrameGuard extends ChannelInboundHandlerAdapter {

    private static final Logger LOG = LoggerFactory.getLogger(FrameGuard.class);

    private FrameGuard() {}

    /** Handlers are named: Reactor Netty skips a second one of the same name. */
    static void install(Connection connection, int maxFrameBytes) {
        connection.addHandlerLast("hivemind.frames", new RSocketLengthCodec(maxFrameBytes));
        connection.addHandlerLast("hivemind.frame-guard", new FrameGuard());
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        if (cause instanceof DecoderException) {
            LOG.debug("Closing {}: {}", context.channel().remoteAddress(), cause.toString());
            context.close();
        } else {
            context.fireExceptionCaught(cause);
        }
    }
}
