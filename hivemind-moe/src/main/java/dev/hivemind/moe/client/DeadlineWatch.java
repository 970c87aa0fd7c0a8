package dev.hivemind.moe.client;

import dev.hivemind.rsocket.frame.Deadline;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.scheduler.Scheduler;

/**
 * One timer for the deadlines of many calls: it runs at the earliest of them, and is not moved for calls that ended, since
 * nearly all end long before. Thread-safe.
 */
final class DeadlineWatch implements Disposable {

    private final Scheduler timers;
    private final Runnable check;
    private @Nullable Disposable timer;
    private @Nullable Deadline next;
    private boolean disposed;

    /** @param check ends what is late, and adds the deadlines of all else again */
    DeadlineWatch(Scheduler timers, Runnable check) {
        this.timers = timers;
        this.check = check;
    }

    /** Has the check run at this deadline, or before. */
    synchronized void add(Deadline deadline) {
        if (disposed || (next != null && !deadline.isBefore(next))) {
            return;
        }
        if (timer != null) {
            timer.dispose();
        }
        next = deadline;
        try {
            timer = timers.schedule(this::run, deadline.remaining().toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException closed) {
            disposed = true;
        }
    }

    private void run() {
        begin();
        check.run();
    }

    private synchronized void begin() {
        next = null;
        timer = null;
    }

    @Override
    public synchronized void dispose() {
        disposed = true;
        if (timer != null) {
            timer.dispose();
        }
    }

    @Override
    public synchronized boolean isDisposed() {
        return disposed;
    }
}
