package dev.hivemind.moe.client;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.frame.Deadline;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Waits for a value that somebody has to release. Unlike {@link Mono#block()}, it loses none: when the wait is
 * interrupted while a value arrives, whoever comes second discards it. See {@code docs/adr/0007}.
 */
final class Await<T> extends BaseSubscriber<T> {

    private final Consumer<T> discard;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final AtomicReference<Outcome<T>> outcome = new AtomicReference<>();

    private Await(Consumer<T> discard) {
        this.discard = discard;
    }

    /**
     * The value, or null if there is none.
     *
     * @param discard releases a value that nobody takes
     * @param deadline when the source is cancelled
     * @throws CancellationException if the thread is interrupted; its interrupt flag is set and the source cancelled
     * @throws DeadlineExceededException when the deadline passes
     * @throws IllegalStateException on a thread that must not block
     */
    static <T> @Nullable T value(Mono<T> source, Consumer<T> discard, Deadline deadline) {
        requireMayBlock();
        var await = new Await<T>(discard);
        source.subscribe(await);
        return await.take(deadline);
    }

    /** @throws IllegalStateException on an event loop, a device thread, or one of Reactor's that must not block */
    static void requireMayBlock() {
        if (Schedulers.isInNonBlockingThread()) {
            throw new IllegalStateException("This waits for a peer, and "
                    + Thread.currentThread().getName() + " must not wait: use a thread of your own");
        }
    }

    @Override
    protected void hookOnSubscribe(Subscription subscription) {
        subscription.request(Long.MAX_VALUE);
    }

    @Override
    protected void hookOnNext(T value) {
        if (!outcome.compareAndSet(null, new Outcome<>(value, null))) {
            discard.accept(value);
        }
    }

    @Override
    protected void hookOnError(Throwable error) {
        outcome.compareAndSet(null, new Outcome<>(null, error));
        ended.countDown();
    }

    @Override
    protected void hookOnComplete() {
        ended.countDown();
    }

    private @Nullable T take(Deadline deadline) {
        try {
            if (!ended.await(deadline.remaining().toNanos(), TimeUnit.NANOSECONDS)) {
                giveUp(new DeadlineExceededException("The time for this step is over"));
            }
        } catch (InterruptedException e) {
            giveUp(interrupted(e));
        }
        Outcome<T> result = outcome.get();
        if (result == null) {
            return null;
        }
        if (result.error != null) {
            throw thrown(result.error);
        }
        return result.value;
    }

    /** Leaves the error as the outcome. */
    private void giveUp(RuntimeException error) {
        cancel();
        Outcome<T> arrived = outcome.getAndSet(new Outcome<>(null, error));
        if (arrived != null && arrived.value != null) {
            discard.accept(arrived.value);
        }
    }

    private static CancellationException interrupted(InterruptedException interrupt) {
        Thread.currentThread().interrupt();
        var cancelled = new CancellationException("The wait for a peer was interrupted");
        cancelled.initCause(interrupt);
        return cancelled;
    }

    /** The stack of the signal says where it came from, the suppressed one who waited. */
    private static RuntimeException thrown(Throwable error) {
        RuntimeException exception =
                error instanceof RuntimeException runtime ? runtime : new IllegalStateException(error);
        exception.addSuppressed(new IllegalStateException("Waited here"));
        return exception;
    }

    private record Outcome<T>(@Nullable T value, @Nullable Throwable error) {}
}
