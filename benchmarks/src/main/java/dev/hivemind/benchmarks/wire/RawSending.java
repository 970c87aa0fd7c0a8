package dev.hivemind.benchmarks.wire;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.Collections;
import java.util.Iterator;
import java.util.function.Consumer;
import reactor.core.publisher.SynchronousSink;

/** The frames of one message after another until the time is over, and of an empty call behind them. For one stream. */
final class RawSending implements Consumer<SynchronousSink<ByteBuf>> {

    private final ByteBuf tensor;
    private final long endNanos;
    private Iterator<ByteBuf> frames = Collections.emptyIterator();
    private boolean ended;
    private long messages;

    /** @param tensor is sent again and again; borrowed */
    RawSending(ByteBuf tensor, Duration time) {
        this.tensor = tensor;
        this.endNanos = System.nanoTime() + time.toNanos();
    }

    /** How many messages were sent. */
    long messages() {
        return messages;
    }

    @Override
    public void accept(SynchronousSink<ByteBuf> next) {
        if (frames.hasNext()) {
            next.next(frames.next());
        } else if (ended) {
            next.complete();
        } else {
            frames = message();
            next.next(frames.next());
        }
    }

    private Iterator<ByteBuf> message() {
        ended = messages > 0 && System.nanoTime() >= endNanos;
        if (ended) {
            return RawFrames.of(Op.SINK, Unpooled.EMPTY_BUFFER).iterator();
        }
        messages++;
        return RawFrames.of(Op.STREAM, tensor).iterator();
    }
}
