package dev.hivemind.rsocket;

import java.util.concurrent.atomic.AtomicInteger;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Operators;
import reactor.util.context.Context;

/**
 * Passes demand to a source on as long as there are permits; each item takes one, until {@link #release()} gives it
 * back. For one subscriber.
 */
final class PermitGate<T> extends Flux<T> {

    private final Flux<T> source;
    private final AtomicInteger permits;
    private final Demand demand = new Demand();
    private volatile Subscription upstream = Operators.emptySubscription();

    PermitGate(Flux<T> source, int permits) {
        this.source = source;
        this.permits = new AtomicInteger(permits);
    }

    @Override
    public void subscribe(CoreSubscriber<? super T> actual) {
        source.subscribe(new Gated(actual));
    }

    /** Gives one permit back. */
    void release() {
        permits.incrementAndGet();
        passOn();
    }

    private void passOn() {
        while (take()) {
            upstream.request(1);
        }
    }

    private synchronized boolean take() {
        if (demand.isZero() || permits.get() == 0) {
            return false;
        }
        demand.take();
        permits.decrementAndGet();
        return true;
    }

    private final class Gated implements CoreSubscriber<T>, Subscription {

        private final CoreSubscriber<? super T> actual;

        Gated(CoreSubscriber<? super T> actual) {
            this.actual = actual;
        }

        @Override
        public Context currentContext() {
            return actual.currentContext();
        }

        @Override
        public void onSubscribe(Subscription subscription) {
            upstream = subscription;
            actual.onSubscribe(this);
        }

        @Override
        public void onNext(T item) {
            actual.onNext(item);
        }

        @Override
        public void onError(Throwable error) {
            actual.onError(error);
        }

        @Override
        public void onComplete() {
            actual.onComplete();
        }

        @Override
        public void request(long n) {
            demand.add(n);
            passOn();
        }

        @Override
        public void cancel() {
            upstream.cancel();
        }
    }
}
