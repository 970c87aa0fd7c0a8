package dev.hivemind.rsocket;

import static java.util.Objects.requireNonNull;

import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Operators;
import reactor.util.context.Context;

/**
 * {@link Flux#flatMap} for items that own memory: each one is received, or released here, exactly once. Reactor's own
 * may discard an item twice, or one that was received, when it is cancelled while an inner source emits; its hooks have
 * to bear that, and the release of a buffer does not.
 *
 * <p>At most {@code concurrency} inner sources are subscribed to, and holds at most one item of each. The first error
 * ends everything.
 */
final class OwningFlatMap<S, T> extends Flux<T> {

    private final Flux<S> source;
    private final Function<S, Publisher<T>> mapper;
    private final int concurrency;

    /** The mapper takes over its argument, also when it throws; what it returns gives it up when it is cancelled. */
    OwningFlatMap(Flux<S> source, Function<S, Publisher<T>> mapper, int concurrency) {
        this.source = source;
        this.mapper = mapper;
        this.concurrency = concurrency;
    }

    /** The items of both, as they come. */
    static <T> Flux<T> merge(Flux<T> one, Flux<T> other) {
        return new OwningFlatMap<>(Flux.just(one, other), each -> each, 2);
    }

    @Override
    public void subscribe(CoreSubscriber<? super T> actual) {
        source.subscribe(new Merging<>(actual, mapper, concurrency));
    }

    /** Signals come from any thread, and leave what they have in the two collections. */
    private static final class Merging<S, T> extends SerialOperator<S, T> {

        private final Function<S, Publisher<T>> mapper;
        private final Set<Inner> inners = ConcurrentHashMap.newKeySet();

        /** Of each inner source one item, or its end. */
        private final Queue<Inner> signals = new ConcurrentLinkedQueue<>();

        Merging(CoreSubscriber<? super T> actual, Function<S, Publisher<T>> mapper, int concurrency) {
            super(actual, concurrency);
            this.mapper = mapper;
        }

        @Override
        public void onNext(S next) {
            if (isStopped()) {
                Discards.release(next);
                return;
            }
            try {
                var inner = new Inner();
                inners.add(inner);
                mapper.apply(next).subscribe(inner);
            } catch (RuntimeException refused) {
                onError(refused);
            }
        }

        @Override
        boolean step() {
            if (failure() != null) {
                end(failure());
                return false;
            }
            return next();
        }

        private boolean next() {
            boolean last = hasSourceEnded() && inners.isEmpty();
            Inner inner = signals.peek();
            if (inner != null) {
                return inner.hasEnded() ? remove(inner) : !demand.isZero() && emitFrom(inner);
            }
            if (last) {
                end(null);
            }
            return false;
        }

        private boolean remove(Inner ended) {
            signals.remove();
            inners.remove(ended);
            if (!hasSourceEnded()) {
                source().request(1);
            }
            return true;
        }

        private boolean emitFrom(Inner inner) {
            signals.remove();
            T item = requireNonNull(inner.take(), "item");
            demand.take();
            actual.onNext(item);
            inner.requestNext();
            return true;
        }

        @Override
        void discard() {
            source().cancel();
            for (Inner inner : inners) {
                inner.cancel();
            }
            for (Inner inner = signals.poll(); inner != null; inner = signals.poll()) {
                T item = inner.take();
                if (item != null) {
                    Discards.release(item);
                }
            }
        }

        /** One inner source. Its item waits here until it is asked for, so there is never more than one. */
        private final class Inner implements CoreSubscriber<T> {

            private volatile Subscription subscription = Operators.emptySubscription();
            private volatile @Nullable T item;

            @Override
            public Context currentContext() {
                return actual.currentContext();
            }

            @Override
            public void onSubscribe(Subscription accepted) {
                subscription = accepted;
                if (isStopped()) {
                    accepted.cancel();
                } else {
                    accepted.request(1);
                }
            }

            @Override
            public void onNext(T next) {
                item = next;
                signals.add(this);
                drain();
            }

            @Override
            public void onError(Throwable error) {
                Merging.this.onError(error);
            }

            @Override
            public void onComplete() {
                signals.add(this);
                drain();
            }

            boolean hasEnded() {
                return item == null;
            }

            @Nullable T take() {
                T taken = item;
                item = null;
                return taken;
            }

            void requestNext() {
                subscription.request(1);
            }

            void cancel() {
                subscription.cancel();
            }
        }
    }
}
