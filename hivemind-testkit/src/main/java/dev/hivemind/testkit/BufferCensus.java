package dev.hivemind.testkit;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.util.ResourceLeakTracker;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * How many bytes the buffers hold that any thread allocated since the census was opened: what a peer makes a node hold.
 * Exact and free of sampling. Counts the capacity that a buffer was allocated with. Thread-safe; one is open at a time.
 */
public final class BufferCensus implements AutoCloseable {

    static {
        BufferLeakDetector.install();
    }

    private static volatile @Nullable BufferCensus current;

    private final AtomicLong held = new AtomicLong();
    private final AtomicLong most = new AtomicLong();

    private BufferCensus() {}

    /** Starts to count, in place of an earlier census. */
    public static BufferCensus open() {
        var census = new BufferCensus();
        current = census;
        return census;
    }

    /** The bytes that are held now. */
    public long heldBytes() {
        return held.get();
    }

    /** The most bytes that were held at once. */
    public long mostBytes() {
        return most.get();
    }

    /** Counts no further buffers. */
    @Override
    public void close() {
        current = null;
    }

    /** Counts a new buffer in the census that is open, if one is. */
    static <T> @Nullable ResourceLeakTracker<T> enter(T resource, @Nullable ResourceLeakTracker<T> tracker) {
        BufferCensus census = current;
        if (census == null || tracker == null || !(resource instanceof ByteBuf buffer) || isOfOthers(buffer)) {
            return tracker;
        }
        int bytes = buffer.capacity();
        census.most.accumulateAndGet(census.held.addAndGet(bytes), Math::max);
        return new Entry<>(tracker, census.held, bytes, new AtomicBoolean());
    }

    /** The parts of a composite buffer are counted themselves. */
    private static boolean isOfOthers(ByteBuf buffer) {
        return buffer instanceof CompositeByteBuf;
    }

    /** A tracker that takes its buffer out of the count when it is released. */
    private record Entry<T>(ResourceLeakTracker<T> tracker, AtomicLong held, int bytes, AtomicBoolean closed)
            implements ResourceLeakTracker<T> {

        @Override
        public void record() {
            tracker.record();
        }

        @Override
        public void record(Object hint) {
            tracker.record(hint);
        }

        @Override
        public boolean close(T resource) {
            if (closed.compareAndSet(false, true)) {
                held.addAndGet(-bytes);
            }
            return tracker.close(resource);
        }

        @Override
        public @Nullable Throwable getCloseStackTraceIfAny() {
            return tracker.getCloseStackTraceIfAny();
        }
    }
}
