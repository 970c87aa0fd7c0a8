package dev.hivemind.rsocket.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.embedded.EmbeddedChannel;
import io.rsocket.DuplexConnection;
import io.rsocket.RSocketErrorException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.publisher.TestPublisher;

/** Takes as many frames as it is told to, and none at first. */
final class SlowSocket extends EmbeddedChannel {

    private int framesToTake;

    /** What comes from the other side. */
    final TestPublisher<ByteBuf> arriving = TestPublisher.create();

    SlowSocket() {
        freezeTime();
    }

    OutboundGate behindGate(GateLimits limits) {
        var gate = new OutboundGate(new Wire(), limits);
        pipeline().addLast(gate);
        return gate;
    }

    void take(int frames) {
        framesToTake = frames;
        flush();
        runPendingTasks();
    }

    /** Takes a part of the first frame. */
    void takePart(int bytes) {
        unsafe().outboundBuffer().progress(bytes);
    }

    /** Lets time pass in small steps, as it does. */
    void pass(Duration time) {
        long step = Duration.ofMillis(10).toNanos();
        for (long left = time.toNanos(); left > 0; left -= step) {
            advanceTimeBy(Math.min(step, left), TimeUnit.NANOSECONDS);
            runScheduledPendingTasks();
            runPendingTasks();
        }
    }

    boolean hasTimers() {
        return runScheduledPendingTasks() >= 0;
    }

    @Override
    protected void doWrite(ChannelOutboundBuffer waiting) {
        for (; framesToTake > 0 && waiting.current() != null; framesToTake--) {
            waiting.remove();
        }
    }

    /** What RSocket writes to: adds the length of three bytes. */
    private final class Wire implements DuplexConnection {

        @Override
        public void sendFrame(int streamId, ByteBuf frame) {
            writeAndFlush(Unpooled.wrappedBuffer(Unpooled.wrappedBuffer(new byte[3]), frame));
        }

        @Override
        public void sendErrorAndClose(RSocketErrorException error) {
            SlowSocket.this.close();
        }

        @Override
        public Flux<ByteBuf> receive() {
            return arriving.flux();
        }

        @Override
        public ByteBufAllocator alloc() {
            return ByteBufAllocator.DEFAULT;
        }

        @Override
        public SocketAddress remoteAddress() {
            return SlowSocket.this.remoteAddress();
        }

        @Override
        public Mono<Void> onClose() {
            return Mono.never();
        }

        @Override
        public void dispose() {
            SlowSocket.this.close();
        }

        @Override
        public boolean isDisposed() {
            return !isOpen();
        }
    }
}
