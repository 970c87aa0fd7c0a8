package dev.hivemind.dashboard.web;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Operators;

/** One who receives updates, as fast as it reads them. All but demand and cancellation belongs to the collector's thread. */
final class Viewer implements Subscription {

    /** Has received nothing yet. */
    static final long NOTHING = -1;

    private final CoreSubscriber<? super byte[]> downstream;
    private final UpdateFeed feed;
    private final AtomicLong demand = new AtomicLong();
    private final AtomicBoolean ended = new AtomicBoolean();
    private long position;
    private long heardAt;

    /**
     * A viewer who has received all up to an update.
     *
     * @param position its id, or {@link #NOTHING}
     */
    Viewer(CoreSubscriber<? super byte[]> downstream, UpdateFeed feed, long position, long now) {
        this.downstream = downstream;
        this.feed = feed;
        this.position = position;
        this.heardAt = now;
    }

    @Override
    public void request(long n) {
        if (Operators.validate(n)) {
            demand.accumulateAndGet(n, Operators::addCap);
            feed.wake(this);
        }
    }

    @Override
    public void cancel() {
        if (ended.compareAndSet(false, true)) {
            feed.leave(this);
        }
    }

    boolean wantsMore() {
        return demand.get() > 0 && !ended.get();
    }

    boolean isEnded() {
        return ended.get();
    }

    long position() {
        return position;
    }

    /** When it last took something. */
    long heardAt() {
        return heardAt;
    }

    void send(Frame frame, long now) {
        position = frame.id();
        send(frame.bytes(), now);
    }

    void send(byte[] bytes, long now) {
        heardAt = now;
        demand.updateAndGet(wanted -> wanted == Long.MAX_VALUE ? wanted : wanted - 1);
        downstream.onNext(bytes);
    }

    void complete() {
        if (ended.compareAndSet(false, true)) {
            downstream.onComplete();
        }
    }
}
