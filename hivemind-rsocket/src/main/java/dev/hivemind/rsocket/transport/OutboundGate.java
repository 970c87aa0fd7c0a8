package dev.hivemind.rsocket.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.rsocket.DuplexConnection;
import io.rsocket.RSocketErrorException;
import io.rsocket.transport.netty.TcpDuplexConnection;
import java.net.SocketAddress;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.Connection;

/**
 * A connection that closes when its peer leaves too many bytes unread: RSocket's queue of frames to send has no bound.
 * Counts the bytes that RSocket hands over, less those that the socket took. Thread-safe.
 */
final class OutboundGate extends ChannelOutboundHandlerAdapter implements DuplexConnection, SendWindow {

    private static final Logger LOG = LoggerFactory.getLogger(OutboundGate.class);

    /** Room for four of the largest frames. */
    private static final long MAX_UNSENT_BYTES = 64L << 20;

    private static final int LENGTH_PREFIX_BYTES = 3;

    private final DuplexConnection wire;
    private final AtomicLong unsent = new AtomicLong();

    private OutboundGate(DuplexConnection wire) {
        this.wire = wire;
    }

    /** The RSocket side of a TCP connection, behind a gate. */
    static OutboundGate before(Connection connection, String side) {
        var gate = new OutboundGate(new TcpDuplexConnection(side, connection));
        connection.addHandlerLast("hivemind.outbound-gate", gate);
        return gate;
    }

    @Override
    public void sendFrame(int streamId, ByteBuf frame) {
        long bytes = unsent.addAndGet(frame.readableBytes() + LENGTH_PREFIX_BYTES);
        wire.sendFrame(streamId, frame);
        if (bytes > MAX_UNSENT_BYTES && !wire.isDisposed()) {
            LOG.debug("Closing {}: it leaves {} bytes unread", wire.remoteAddress(), bytes);
            wire.dispose();
        }
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        long bytes = message instanceof ByteBuf buffer ? buffer.readableBytes() : 0;
        ChannelPromise written = promise.unvoid();
        written.addListener(done -> unsent.addAndGet(-bytes));
        context.write(message, written);
    }

    @Override
    public Mono<Void> awaitRoom() {
        return Mono.empty();
    }

    @Override
    public long unsentBytes() {
        return unsent.get();
    }

    @Override
    public void sendErrorAndClose(RSocketErrorException error) {
        wire.sendErrorAndClose(error);
    }

    @Override
    public Flux<ByteBuf> receive() {
        return wire.receive();
    }

    @Override
    public ByteBufAllocator alloc() {
        return wire.alloc();
    }

    @Override
    public SocketAddress remoteAddress() {
        return wire.remoteAddress();
    }

    @Override
    public Mono<Void> onClose() {
        return wire.onClose();
    }

    @Override
    public void dispose() {
        wire.dispose();
    }

    @Override
    public boolean isDisposed() {
        return wire.isDisposed();
    }
}
