package dev.hivemind.rsocket.tensor;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Large pieces of direct memory that wait to be used again, the last used first. What has waited long, or is too much,
 * goes back to the system.
 *
 * <p>Sizes are rounded up by an eighth at most, so that tensors of about the same size share memory. Safe for use from any
 * thread.
 */
final class IdleMemory {

    private static final Duration MAX_IDLE = Duration.ofSeconds(10);

    /** Steps between a power of two and the next, as a power of two. */
    private static final int STEPS_LOG = 3;

    // Those who use the memory have it watched for leaks; it lies here for as long as it likes.
    private static final UnpooledByteBufAllocator SYSTEM = new UnpooledByteBufAllocator(true, true);

    private final long maxBytes;
    private final LongSupplier clock;

    /** The most recently used first. Guarded by this. */
    private final Deque<Piece> pieces = new ArrayDeque<>();

    private long bytes;

    /**
     * @param maxBytes the most memory that waits
     * @param clock like {@link System#nanoTime()}
     */
    IdleMemory(long maxBytes, LongSupplier clock) {
        this.maxBytes = maxBytes;
        this.clock = clock;
    }

    private record Piece(ByteBuf memory, long sinceNanos) {}

    /** Memory of at least this size, for {@link #put} later. Its content is whatever was there before. */
    ByteBuf take(int size) {
        int capacity = roundUp(size);
        ByteBuf found = find(capacity);
        return found == null ? allocate(capacity) : found;
    }

    private ByteBuf allocate(int capacity) {
        try {
            return SYSTEM.directBuffer(capacity, capacity);
        } catch (OutOfMemoryError full) {
            clear();
            return SYSTEM.directBuffer(capacity, capacity);
        }
    }

    private synchronized @Nullable ByteBuf find(int capacity) {
        for (Iterator<Piece> each = pieces.iterator(); each.hasNext(); ) {
            ByteBuf memory = each.next().memory();
            if (memory.capacity() == capacity) {
                each.remove();
                bytes -= capacity;
                return memory;
            }
        }
        return null;
    }

    /** Takes the memory back. */
    synchronized void put(ByteBuf memory) {
        long now = clock.getAsLong();
        pieces.addFirst(new Piece(memory, now));
        bytes += memory.capacity();
        while (bytes > maxBytes || isStale(pieces.peekLast(), now)) {
            free(pieces.removeLast());
        }
    }

    private static boolean isStale(@Nullable Piece oldest, long now) {
        return oldest != null && now - oldest.sinceNanos() > MAX_IDLE.toNanos();
    }

    private void free(Piece piece) {
        bytes -= piece.memory().capacity();
        piece.memory().release();
    }

    private synchronized void clear() {
        while (!pieces.isEmpty()) {
            free(pieces.removeLast());
        }
    }

    /** How much waits. */
    synchronized long bytes() {
        return bytes;
    }

    /** The size of the pieces for a size: a multiple of an eighth of the power of two below it. */
    static int roundUp(int size) {
        int step = Math.max(1, Integer.highestOneBit(size) >> STEPS_LOG);
        long rounded = ((long) size + step - 1) / step * step;
        return (int) Math.min(Integer.MAX_VALUE, rounded);
    }
}
