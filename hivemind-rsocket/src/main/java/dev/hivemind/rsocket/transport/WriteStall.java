package dev.hivemind.rsocket.transport;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Closes a connection whose socket takes no byte for too long although there are some to send. A timer runs only from
 * a write until nothing is left to send. Used on the connection's event loop alone.
 */
final class WriteStall {

    private static final Logger LOG = LoggerFactory.getLogger(WriteStall.class);

    /** How much later than due a stall may be noticed, as a part of the time allowed. */
    private static final int CHECKS_PER_PATIENCE = 6;

    private final ChannelHandlerContext context;
    private final long patienceNanos;
    private long takenBytes;
    private long seenBytes;
    private long seenAtNanos;
    private @Nullable Future<?> nextCheck;
    private boolean stopped;

    WriteStall(ChannelHandlerContext context, Duration patience) {
        this.context = context;
        this.patienceNanos = patience.toNanos();
    }

    /** Something is to be sent. */
    void onWrite() {
        if (nextCheck == null && !stopped) {
            seenBytes = progress();
            seenAtNanos = now();
            schedule();
        }
    }

    /** The socket has taken these bytes, or never will. */
    void onTaken(long bytes) {
        takenBytes += bytes;
    }

    /** The connection has closed. The timer would keep it in memory, with all that hangs on it. */
    void stop() {
        stopped = true;
        if (nextCheck != null) {
            nextCheck.cancel(false);
        }
    }

    private void schedule() {
        nextCheck = context.executor().schedule(this::check, patienceNanos / CHECKS_PER_PATIENCE, TimeUnit.NANOSECONDS);
    }

    private void check() {
        long progress = progress();
        if (!isPending()) {
            nextCheck = null;
        } else if (progress != seenBytes) {
            seenBytes = progress;
            seenAtNanos = now();
            schedule();
        } else if (now() - seenAtNanos < patienceNanos) {
            schedule();
        } else {
            LOG.debug(
                    "Closing {}: it has read nothing for too long",
                    context.channel().remoteAddress());
            context.close();
        }
    }

    private boolean isPending() {
        ChannelOutboundBuffer pending = context.channel().unsafe().outboundBuffer();
        return pending != null && pending.totalPendingWriteBytes() > 0;
    }

    /** Counts what was taken of the buffer that is being written, too: a large one may take long. */
    private long progress() {
        ChannelOutboundBuffer pending = context.channel().unsafe().outboundBuffer();
        return takenBytes + (pending == null ? 0 : pending.currentProgress());
    }

    private long now() {
        return context.executor().ticker().nanoTime();
    }
}
