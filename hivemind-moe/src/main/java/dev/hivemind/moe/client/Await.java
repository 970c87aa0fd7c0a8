package dev.hivemind.moe.client;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;

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
     * @throws CancellationException if the thread is interrupted; its interrupt flag is set and the source cancelled
     */
    static <T> @Nullable T value(Mono<T> source, Consumer<T> discard) {
        var await = new Await<T>(discard);
        source.subscribe(await);
        return await.take();
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

    private @Nullable T take() {
        try {
            ended.await();
        } catch (InterruptedException e) {
            throw giveUp(e);
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

    private CancellationException giveUp(InterruptedException interrupt) {
        cancel();
        Outcome<T> arrived = outcome.getAndSet(new Outcome<>(null, interrupt));
        if (arrived != null && arrived.value != null) {
            discard.accept(arrived.value);
        }
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
