package dev.hivemind.rsocket.tensor;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;

/**
 * Direct buffers for the elements of tensors. Netty pools what is no larger than a MiB; larger memory is kept here and
 * used again, up to a bound, because a fresh page costs a fault of the kernel, and memory that one thread takes and
 * another gives back stays for long with the C library.
 *
 * <p>Safe for use from any thread. The caller owns the buffer, and gives the memory back by releasing it.
 */
public final class TensorBuffers {

    /** What Netty's allocator pools itself. */
    static final int MAX_SMALL_BYTES = 1 << 20;

    /** Memory that nobody uses, and that is kept nevertheless. */
    private static final long MAX_IDLE_BYTES = 64L << 20;

    private static final RecyclingAllocator LARGE =
            new RecyclingAllocator(new IdleMemory(MAX_IDLE_BYTES, System::nanoTime));

    private TensorBuffers() {}

    /**
     * An empty buffer.
     *
     * @param bytes its capacity, which cannot grow; at least 1 is taken
     * @throws OutOfMemoryError if the limit of direct memory is reached
     */
    public static ByteBuf allocate(int bytes) {
        int capacity = Math.max(1, bytes);
        return capacity <= MAX_SMALL_BYTES
                ? ByteBufAllocator.DEFAULT.directBuffer(capacity, capacity)
                : LARGE.directBuffer(capacity, capacity);
    }

    /** Hands out buffers over recycled memory. Netty's leak detector watches them like all others. */
    static final class RecyclingAllocator extends AbstractByteBufAllocator {

        private final IdleMemory idle;

        RecyclingAllocator(IdleMemory idle) {
            this.idle = idle;
        }

        @Override
        protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
            return UnpooledByteBufAllocator.DEFAULT.heapBuffer(initialCapacity, maxCapacity);
        }

        @Override
        protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
            return toLeakAwareBuffer(new Recycled(this, idle.take(maxCapacity), maxCapacity));
        }

        @Override
        public boolean isDirectBufferPooled() {
            return true;
        }
    }

    /** A buffer whose memory can be used again after its last reference is gone. */
    private static final class Recycled extends UnpooledDirectByteBuf {

        private final IdleMemory idle;
        private final ByteBuf memory;

        Recycled(RecyclingAllocator allocator, ByteBuf memory, int capacity) {
            super(allocator, memory.nioBuffer(0, capacity), capacity);
            this.idle = allocator.idle;
            this.memory = memory;
            clear();
        }

        @Override
        protected void deallocate() {
            super.deallocate();
            idle.put(memory);
        }
    }
}
