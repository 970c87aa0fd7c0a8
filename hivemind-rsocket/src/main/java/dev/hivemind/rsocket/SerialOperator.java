package dev.hivemind.rsocket;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Operators;
import reactor.util.context.Context;

/**
 * One subscription of an operator whose signals come from any thread: whoever signals leaves what it has in a field and
 * calls {@link #drain()}, which lets one thread at a time take the steps. A subclass keeps what may be touched in steps alone
 * apart from what others write.
 */
abstract class SerialOperator<S, T> implements CoreSubscriber<S>, Subscription {

    private final AtomicInteger workers = new AtomicInteger();
    private final long prefetch;
    private volatile @Nullable Throwable failure;
    private volatile boolean sourceEnded;
    private volatile boolean stopped;
    private volatile Subscription source = Operators.emptySubscription();

    final CoreSubscriber<? super T> actual;
    final Demand demand = new Demand();

    /** @param prefetch how much is requested of the source at once; 0 to request later */
    SerialOperator(CoreSubscriber<? super T> actual, long prefetch) {
        this.actual = actual;
        this.prefetch = prefetch;
    }

    @Override
    public Context currentContext() {
        return actual.currentContext();
    }

    @Override
    public final void onSubscribe(Subscription subscription) {
        source = subscription;
        actual.onSubscribe(this);
        if (prefetch > 0) {
            subscription.request(prefetch);
        }
    }

    @Override
    public final void onError(Throwable error) {
        failure = error;
        sourceEnded = true;
        drain();
    }

    @Override
    public final void onComplete() {
        sourceEnded = true;
        drain();
    }

    @Override
    public final void request(long n) {
        demand.add(n);
        drain();
    }

    @Override
    public final void cancel() {
        stopped = true;
        source.cancel();
        drain();
    }

    /** Takes steps until nothing is left to do, unless another thread does so, which then sees this signal too. */
    final void drain() {
        if (workers.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            boolean worked = true;
            while (worked) {
                worked = nextStep();
            }
            seen = workers.addAndGet(-seen);
        } while (seen != 0);
    }

    private boolean nextStep() {
        if (stopped) {
            discard();
            return false;
        }
        return step();
    }

    /** Does the next thing; false when there is nothing to do before another signal. */
    abstract boolean step();

    /** Gives up all that is held and was not emitted. May be called again. */
    abstract void discard();

    /** Ends the flow, in a step: whatever is held is given up first. */
    final void end(@Nullable Throwable error) {
        stopped = true;
        discard();
        if (error == null) {
            actual.onComplete();
        } else {
            actual.onError(error);
        }
    }

    /** Ends the flow, in a step, and does not want more of the source. */
    final void fail(Throwable error) {
        source.cancel();
        end(error);
    }

    final Subscription source() {
        return source;
    }

    /** The error by which the source ended. */
    final @Nullable Throwable failure() {
        return failure;
    }

    final boolean hasSourceEnded() {
        return sourceEnded;
    }

    final boolean isStopped() {
        return stopped;
    }
}
