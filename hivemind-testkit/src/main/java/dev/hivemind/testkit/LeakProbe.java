package dev.hivemind.testkit;

import io.netty.buffer.ByteBufAllocator;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;

/** Makes Netty's leak detector look: it reports when it tracks a new buffer after a lost one was collected. */
final class LeakProbe {

    private static final int ROUNDS = 2;
    private static final long MAX_WAIT_MILLIS = 60_000;

    private LeakProbe() {}

    static void collectGarbage() {
        for (int round = 0; round < ROUNDS; round++) {
            awaitCollection();
            ByteBufAllocator.DEFAULT.directBuffer(16).release();
            ByteBufAllocator.DEFAULT.heapBuffer(16).release();
        }
    }

    /** Returns once an object that was dropped now has been collected, and with it those dropped before. */
    private static void awaitCollection() {
        var queue = new ReferenceQueue<Object>();
        var sentinel = new PhantomReference<>(new Object(), queue);
        System.gc();
        try {
            if (queue.remove(MAX_WAIT_MILLIS) != sentinel) {
                throw new IllegalStateException("The garbage collector did not run: leaks cannot be checked");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
