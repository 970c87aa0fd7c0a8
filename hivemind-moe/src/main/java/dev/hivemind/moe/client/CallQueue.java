package dev.hivemind.moe.client;

import dev.hivemind.rsocket.Request;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Operators;

/**
 * The calls of one channel that wait until its peer asks for them, first come, first served. What waits are calls, which
 * own nothing; a request is made of one when it goes, so that one that was given up leaves no trace. Bounded and
 * thread-safe, for one subscriber: requests go on the thread that offers a call, or that asks for one, one at a time.
 */
final class CallQueue extends Flux<Request> implements Subscription {

    private final int capacity;
    private final Function<StreamedCall, @Nullable Request> requests;
    private final Runnable whenRefused;
    private final Set<StreamedCall> waiting = new LinkedHashSet<>();
    private final AtomicInteger workers = new AtomicInteger();
    private volatile @Nullable CoreSubscriber<? super Request> subscriber;
    private long demand;
    private boolean ended;

    /**
     * An empty queue.
     *
     * @param capacity calls that may wait
     * @param requests the request of a call, owned by the receiver; null if nobody waits for its answer
     * @param whenRefused is told when the subscriber takes no more
     */
    CallQueue(int capacity, Function<StreamedCall, @Nullable Request> requests, Runnable whenRefused) {
        this.capacity = capacity;
        this.requests = requests;
        this.whenRefused = whenRefused;
    }

    /** Has a call wait, unless there are too many. Calls that come after the end fail with the channel. */
    boolean offer(StreamedCall call) {
        synchronized (this) {
            if (ended) {
                return true;
            }
            if (waiting.size() >= capacity) {
                return false;
            }
            waiting.add(call);
        }
        drain();
        return true;
    }

    /** Takes a call out that may have gone before. */
    synchronized void remove(StreamedCall call) {
        waiting.remove(call);
    }

    /** Calls that wait. */
    synchronized int size() {
        return waiting.size();
    }

    @Override
    public void subscribe(CoreSubscriber<? super Request> actual) {
        actual.onSubscribe(this);
        subscriber = actual;
        drain();
    }

    @Override
    public void request(long n) {
        synchronized (this) {
            demand = Operators.addCap(demand, n);
        }
        drain();
    }

    @Override
    public void cancel() {
        close();
        whenRefused.run();
    }

    /** Drops what waits, and takes no more. */
    synchronized void close() {
        ended = true;
        waiting.clear();
    }

    private void drain() {
        if (workers.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            boolean sent = true;
            while (sent) {
                sent = sendNext();
            }
            seen = workers.addAndGet(-seen);
        } while (seen != 0);
    }

    private boolean sendNext() {
        CoreSubscriber<? super Request> actual = subscriber;
        StreamedCall next = actual == null ? null : pollNext();
        if (actual == null || next == null) {
            return false;
        }
        Request request = requests.apply(next);
        if (request != null) {
            actual.onNext(request);
        } else {
            giveBack();
        }
        return true;
    }

    private synchronized @Nullable StreamedCall pollNext() {
        if (demand == 0 || waiting.isEmpty()) {
            return null;
        }
        Iterator<StreamedCall> first = waiting.iterator();
        StreamedCall next = first.next();
        first.remove();
        demand--;
        return next;
    }

    private synchronized void giveBack() {
        demand = Operators.addCap(demand, 1);
    }
}
