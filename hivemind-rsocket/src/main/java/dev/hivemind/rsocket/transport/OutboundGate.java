package dev.hivemind.rsocket.transport;

import static java.util.Objects.requireNonNull;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.rsocket.DuplexConnection;
import io.rsocket.RSocketErrorException;
import io.rsocket.transport.netty.TcpDuplexConnection;
import java.net.SocketAddress;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.netty.Connection;

/**
 * A connection that knows what it has not sent yet, since RSocket's queue of frames has no bound: it lets producers of
 * bulk wait, and closes when they do not and when its peer stops reading.
 *
 * <p>Counts the bytes that RSocket hands over, less those that the socket took. Frames are handed over on any thread;
 * what leaves is counted, and producers are let go, on the event loop.
 */
final class OutboundGate extends ChannelOutboundHandlerAdapter implements DuplexConnection, SendWindow {

    private static final Logger LOG = LoggerFactory.getLogger(OutboundGate.class);

    private static final int LENGTH_PREFIX_BYTES = 3;

    /** How long room is kept for producers that were let go, when nothing else is under way. */
    private static final Duration PROMISE_TIME = Duration.ofMillis(10);

    private final DuplexConnection wire;
    private final GateLimits limits;
    private final WaitingRoom room;
    private final AtomicLong unsent = new AtomicLong();
    private @Nullable ChannelHandlerContext context;
    private @Nullable WriteStall stall;
    private volatile boolean refusing;
    private boolean lettingGo;
    private boolean forgetting;

    OutboundGate(DuplexConnection wire, GateLimits limits) {
        this.wire = wire;
        this.limits = limits;
        this.room = new WaitingRoom(limits.highWaterBytes());
    }

    /** The RSocket side of a TCP connection, behind a gate. */
    static OutboundGate before(Connection connection, String side, GateLimits limits) {
        var gate = new OutboundGate(new TcpDuplexConnection(side, connection), limits);
        connection.addHandlerLast("hivemind.outbound-gate", gate);
        return gate;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext added) {
        context = added;
        var watch = new WriteStall(added, limits.stallPatience());
        stall = watch;
        added.channel().closeFuture().addListener(closed -> {
            watch.stop();
            turnAway();
        });
    }

    @Override
    public void sendFrame(int streamId, ByteBuf frame) {
        long bytes = unsent.addAndGet(frame.readableBytes() + LENGTH_PREFIX_BYTES);
        if (streamId != 0 && !room.isIdle()) {
            room.redeemPromise();
        }
        wire.sendFrame(streamId, frame);
        if (bytes > limits.maxUnsentBytes() && !wire.isDisposed()) {
            LOG.debug("Closing {}: it leaves {} bytes unread", wire.remoteAddress(), bytes);
            wire.dispose();
        }
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        long bytes = message instanceof ByteBuf buffer ? buffer.readableBytes() : 0;
        ChannelPromise written = promise.unvoid();
        written.addListener(done -> onTaken(bytes));
        context.write(message, written);
        requireNonNull(stall).onWrite();
    }

    private void onTaken(long bytes) {
        unsent.addAndGet(-bytes);
        requireNonNull(stall).onTaken(bytes);
        if (!room.isIdle()) {
            letGo();
        }
    }

    @Override
    public Mono<Void> awaitRoom() {
        return room.isOpen(unsent.get()) ? Mono.empty() : Mono.create(this::enter);
    }

    private void enter(MonoSink<Void> producer) {
        producer.onCancel(() -> room.leave(producer));
        try {
            room.enter(producer);
        } catch (ClosedChannelException closed) {
            producer.error(closed);
            return;
        }
        // Bytes may have left between the look at their number and the entry.
        if (unsent.get() < limits.highWaterBytes()) {
            requireNonNull(context).executor().execute(this::letGo);
        }
    }

    /** Lets producers go while there is room. Those that hand their piece over at once come back here, and are stopped. */
    private void letGo() {
        if (lettingGo) {
            return;
        }
        lettingGo = true;
        for (MonoSink<Void> next = room.next(unsent.get()); next != null; next = room.next(unsent.get())) {
            next.success();
        }
        lettingGo = false;
        if (unsent.get() <= 0 && room.hasWaiting()) {
            forgetPromisesLater();
        }
    }

    /** Nothing is under way that would bring us back to the others that wait. */
    private void forgetPromisesLater() {
        if (!forgetting) {
            forgetting = true;
            requireNonNull(context)
                    .executor()
                    .schedule(this::forgetPromises, PROMISE_TIME.toNanos(), TimeUnit.NANOSECONDS);
        }
    }

    private void forgetPromises() {
        forgetting = false;
        room.forgetPromises();
        letGo();
    }

    private void turnAway() {
        room.close().forEach(producer -> producer.error(new ClosedChannelException()));
    }

    @Override
    public long unsentBytes() {
        return Math.max(0, unsent.get());
    }

    @Override
    public void sendErrorAndClose(RSocketErrorException error) {
        refusing = true;
        wire.sendErrorAndClose(error);
    }

    /**
     * Not what comes while the connection closes, nor how it breaks: RSocket would log a stack trace for each frame that it
     * cannot place, and has nobody hear of the error.
     */
    @Override
    public Flux<ByteBuf> receive() {
        return wire.receive().filter(frame -> !refusing).onErrorComplete(broken -> refusing);
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
        refusing = true;
        wire.dispose();
    }

    @Override
    public boolean isDisposed() {
        return wire.isDisposed();
    }
}
