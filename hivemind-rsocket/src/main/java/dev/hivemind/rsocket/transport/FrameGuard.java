package dev.hivemind.rsocket.transport;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.DecoderException;
import io.netty.util.ReferenceCountUtil;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.netty.Connection;

/**
 * Cuts the byte stream into RSocket frames, and closes the connection when one is longer than allowed or malformed, when
 * keepalives flood it, and when its peer says that it ends. The stock transport would drop a long frame and leave its
 * sender waiting; RSocket would log a stack trace for each malformed one, and leave the end to the peer.
 */
final class FrameGuard extends ChannelInboundHandlerAdapter {

    private static final Logger LOG = LoggerFactory.getLogger(FrameGuard.class);

    private @Nullable KeepaliveBudget keepalives;
    private boolean refused;

    /** For a connection to a peer that we chose to dial. */
    static void install(Connection connection, int maxFrameBytes) {
        install(connection, maxFrameBytes, maxFrameBytes);
    }

    /**
     * For a connection whose frames take at most {@code maxOpeningBytes} until the other side sends its proof. Handlers
     * are named: Reactor Netty skips a second one of the same name.
     */
    static void install(Connection connection, int maxOpeningBytes, int maxFrameBytes) {
        connection.addHandlerLast("hivemind.frames", new FrameCutter(maxOpeningBytes, maxFrameBytes));
        connection.addHandlerLast("hivemind.frame-guard", new FrameGuard());
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (!refused && message instanceof ByteBuf frame) {
            judge(context, frame);
        }
        if (refused) {
            ReferenceCountUtil.release(message);
        } else {
            context.fireChannelRead(message);
        }
    }

    private void judge(ChannelHandlerContext context, ByteBuf frame) {
        String violation = violation(context, frame);
        if (violation != null) {
            LOG.debug("Closing {}: it sent {}", context.channel().remoteAddress(), violation);
            refuse(context);
        } else if (FrameRules.isErrorOfConnection(frame)) {
            end(context, frame);
        }
    }

    /** RSocket has to learn why a set-up was refused. That a connection ends it learns cheaper from the end itself. */
    private void end(ChannelHandlerContext context, ByteBuf error) {
        if (!FrameRules.isMereEnd(error)) {
            context.fireChannelRead(error.retain());
        }
        refuse(context);
    }

    private void refuse(ChannelHandlerContext context) {
        refused = true;
        context.close();
    }

    private @Nullable String violation(ChannelHandlerContext context, ByteBuf frame) {
        String violation = FrameRules.violation(frame);
        if (violation != null || FrameRules.type(frame) != FrameRules.KEEPALIVE) {
            return violation;
        }
        long now = context.executor().ticker().nanoTime();
        if (keepalives == null) {
            keepalives = new KeepaliveBudget(now);
        }
        return keepalives.take(now) ? null : "too many KEEPALIVEs";
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        if (cause instanceof DecoderException) {
            LOG.debug("Closing {}: {}", context.channel().remoteAddress(), cause.toString());
            refuse(context);
        } else {
            context.fireExceptionCaught(cause);
        }
    }
}
