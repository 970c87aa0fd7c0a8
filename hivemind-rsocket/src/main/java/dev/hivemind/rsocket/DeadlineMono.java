package dev.hivemind.rsocket;

import io.netty.util.HashedWheelTimer;
import io.netty.util.Timeout;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoOperator;
import reactor.core.scheduler.Schedulers;
import reactor.util.context.Context;

/**
 * A Mono that fails with a {@link TimeoutException} unless its value comes in time. As {@link Mono#timeout(Duration)}, at
 * a fraction of its cost for values that do come in time: a wheel of timers takes and forgets a deadline in constant time,
 * and is up to {@value #TICK_MILLIS} ms late. A value that races with the timeout, or with cancellation, and
 * loses is given to {@code tooLate}.
 *
 * <p>Thread: the timeout is signalled on a thread of {@link Schedulers#parallel()}.
 */
final class DeadlineMono<T> extends MonoOperator<T, T> {

    /** The key under which Reactor looks for a subscriber's own handler of values that came too late. */
    private static final String ON_NEXT_DROPPED = "reactor.onNextDropped.local";

    private static final int TICK_MILLIS = 10;

    /** Shared by all nodes of the process, as Reactor's own timers are; starts with the first deadline. */
    private static final HashedWheelTimer WHEEL = new HashedWheelTimer(
            new DefaultThreadFactory("hivemind-deadlines", true), TICK_MILLIS, TimeUnit.MILLISECONDS, 512, false);

    private final Duration remaining;
    private final Consumer<Object> tooLate;

    /** {@code remaining} counts from each subscription. */
    DeadlineMono(Mono<T> source, Duration remaining, Consumer<Object> tooLate) {
        super(source);
        this.remaining = remaining;
        this.tooLate = tooLate;
    }

    @Override
    public void subscribe(CoreSubscriber<? super T> actual) {
        var call = new Call<T>(actual, tooLate);
        call.startClock(remaining);
        source.subscribe(call);
    }

    private static final class Call<T> implements CoreSubscriber<T>, Subscription {

        @SuppressWarnings("rawtypes")
        private static final AtomicIntegerFieldUpdater<Call> ENDED =
                AtomicIntegerFieldUpdater.newUpdater(Call.class, "ended");

        private final CoreSubscriber<? super T> actual;
        private final Consumer<Object> tooLate;
        private final Context context;
        private volatile @Nullable Timeout clock;
        private volatile @Nullable Subscription upstream;
        private volatile int ended;

        Call(CoreSubscriber<? super T> actual, Consumer<Object> tooLate) {
            this.actual = actual;
            this.tooLate = tooLate;
            this.context = LateErrors.ignoredIn(actual.currentContext()).put(ON_NEXT_DROPPED, tooLate);
        }

        void startClock(Duration remaining) {
            clock = WHEEL.newTimeout(
                    due -> Schedulers.parallel().schedule(this::expire), remaining.toNanos(), TimeUnit.NANOSECONDS);
        }

        @Override
        public Context currentContext() {
            return context;
        }

        @Override
        public void onSubscribe(Subscription subscription) {
            upstream = subscription;
            actual.onSubscribe(this);
            if (ended != 0) {
                subscription.cancel();
            }
        }

        @Override
        public void request(long n) {
            Subscription subscription = upstream;
            if (subscription != null) {
                subscription.request(n);
            }
        }

        @Override
        public void cancel() {
            if (end()) {
                cancelUpstream();
            }
        }

        private void expire() {
            // Before the source has subscribed there is nobody to tell, and its own subscription does it.
            if (upstream == null) {
                startClock(Duration.ofMillis(TICK_MILLIS));
            } else if (end()) {
                cancelUpstream();
                actual.onError(new TimeoutException("No value within the deadline"));
            }
        }

        @Override
        public void onNext(T value) {
            if (end()) {
                actual.onNext(value);
                actual.onComplete();
            } else {
                tooLate.accept(value);
            }
        }

        @Override
        public void onError(Throwable error) {
            if (end()) {
                actual.onError(error);
            } else {
                LateErrors.ignore(error);
            }
        }

        @Override
        public void onComplete() {
            if (end()) {
                actual.onComplete();
            }
        }

        private boolean end() {
            if (!ENDED.compareAndSet(this, 0, 1)) {
                return false;
            }
            Timeout running = clock;
            if (running != null) {
                running.cancel();
            }
            return true;
        }

        private void cancelUpstream() {
            Subscription subscription = upstream;
            if (subscription != null) {
                subscription.cancel();
            }
        }
    }
}
