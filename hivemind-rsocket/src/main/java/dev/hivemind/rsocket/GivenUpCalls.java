package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.frame.CallId;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoOperator;
import reactor.core.publisher.Operators;
import reactor.util.context.Context;

/**
 * Calls on the channels of one connection that their caller may give up one by one: the handler of one that is served is
 * cancelled, and one that is still on its way, behind others that are, is not begun. Of the latter the last
 * {@value #MAX_EXPECTED} are remembered. Thread-safe.
 */
final class GivenUpCalls {

    /** More than wait on their way unless somebody sends nonsense. */
    private static final int MAX_EXPECTED = 1_024;

    private static final Logger LOG = LoggerFactory.getLogger(GivenUpCalls.class);

    private final Map<CallId, Served<?>> served = new HashMap<>();
    private final Set<CallId> expected = new LinkedHashSet<>();

    /** Nobody waits for the answer to this call any more, whether or not it has arrived. */
    void giveUp(CallId call) {
        Served<?> found = find(call);
        if (found != null) {
            found.giveUp();
        }
    }

    private synchronized @Nullable Served<?> find(CallId call) {
        Served<?> found = served.get(call);
        if (found == null) {
            expect(call);
        }
        return found;
    }

    private void expect(CallId call) {
        expected.add(call);
        if (expected.size() > MAX_EXPECTED) {
            Iterator<CallId> eldest = expected.iterator();
            eldest.next();
            eldest.remove();
        }
    }

    /** The work for a call, which ends with an error when the call is given up. A value that comes too late is released. */
    <T> Mono<T> until(CallId call, Mono<T> work) {
        return new MonoOperator<T, T>(work) {
            @Override
            public void subscribe(CoreSubscriber<? super T> actual) {
                if (isWanted(call)) {
                    source.subscribe(new Served<>(call, actual));
                } else {
                    Operators.error(actual, noMore());
                }
            }
        };
    }

    private synchronized boolean isWanted(CallId call) {
        return !expected.remove(call);
    }

    /** Whether the call is still wanted. A second one of the same id is not found, and so not given up. */
    private synchronized boolean enter(Served<?> one) {
        if (!isWanted(one.call)) {
            return false;
        }
        served.putIfAbsent(one.call, one);
        return true;
    }

    private synchronized void leave(Served<?> one) {
        served.remove(one.call, one);
    }

    /** Nobody reads it. */
    private static DeadlineExceededException noMore() {
        return new DeadlineExceededException("The caller has given the call up");
    }

    /** A call that is served: its answer, cancellation by its channel, or that of this call alone, whatever comes first. */
    private final class Served<T> implements CoreSubscriber<T>, Subscription {

        private final CallId call;
        private final CoreSubscriber<? super T> actual;
        private final AtomicBoolean ended = new AtomicBoolean();
        private volatile Subscription upstream = Operators.emptySubscription();

        Served(CallId call, CoreSubscriber<? super T> actual) {
            this.call = call;
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
            if (!enter(this)) {
                giveUp();
            } else if (ended.get()) {
                leave(this);
            }
        }

        void giveUp() {
            if (end()) {
                upstream.cancel();
                actual.onError(noMore());
            }
        }

        @Override
        public void request(long n) {
            upstream.request(n);
        }

        @Override
        public void cancel() {
            if (end()) {
                upstream.cancel();
            }
        }

        @Override
        public void onNext(T value) {
            if (end()) {
                actual.onNext(value);
                actual.onComplete();
            } else {
                Discards.release(value);
            }
        }

        @Override
        public void onError(Throwable error) {
            if (end()) {
                actual.onError(error);
            } else {
                LOG.debug("A call that was given up failed", error);
            }
        }

        @Override
        public void onComplete() {
            if (end()) {
                actual.onComplete();
            }
        }

        private boolean end() {
            boolean first = ended.compareAndSet(false, true);
            if (first) {
                leave(this);
            }
            return first;
        }
    }
}
