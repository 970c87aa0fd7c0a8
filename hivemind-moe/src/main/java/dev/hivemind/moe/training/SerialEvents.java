package dev.hivemind.moe.training;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.Exceptions;

/**
 * Does one thing after the other: what a thread brings while another is at work is done by that other one. Nobody waits.
 * What may wait here is bounded by those who bring it.
 */
final class SerialEvents {

    private final Queue<Runnable> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger count = new AtomicInteger();
    private final Consumer<Throwable> onThrown;

    /** @param onThrown told what an event threw; those behind it happen nevertheless */
    SerialEvents(Consumer<Throwable> onThrown) {
        this.onThrown = onThrown;
    }

    /** Does something now, or has it done soon. What is fatal to the JVM is thrown on when all is done. */
    void run(Runnable event) {
        waiting.add(event);
        if (count.getAndIncrement() > 0) {
            return;
        }
        Throwable first = null;
        do {
            Throwable thrown = next();
            first = first == null ? thrown : first;
        } while (count.decrementAndGet() > 0);
        if (first != null) {
            Exceptions.throwIfFatal(first);
        }
    }

    private @Nullable Throwable next() {
        Runnable next = waiting.poll();
        return next == null ? null : thrownBy(next, onThrown);
    }

    private static @Nullable Throwable thrownBy(Runnable event, Consumer<Throwable> onThrown) {
        try {
            event.run();
            return null;
        } catch (Throwable thrown) {
            tell(onThrown, thrown);
            return thrown;
        }
    }

    private static void tell(Consumer<Throwable> onThrown, Throwable thrown) {
        try {
            onThrown.accept(thrown);
        } catch (Throwable again) {
            if (again != thrown) {
                thrown.addSuppressed(again);
            }
        }
    }
}
