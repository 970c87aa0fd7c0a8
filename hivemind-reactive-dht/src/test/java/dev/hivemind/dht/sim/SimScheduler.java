package dev.hivemind.dht.sim;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * Virtual time: tasks run one after another on the thread that lets time pass, in the order of their moments and, where
 * those are the same, in the order in which they were scheduled. Confined to that thread.
 */
public final class SimScheduler implements Scheduler {

    /** When virtual time begins. */
    public static final Instant START = Instant.parse("2030-01-01T00:00:00Z");

    private final SimAgenda agenda = new SimAgenda();
    private long now;
    private long scheduled;
    private long executed;

    @Override
    public Disposable schedule(Runnable task) {
        SimTask planned = new SimTask(now, scheduled++, task);
        agenda.addNow(planned);
        return planned;
    }

    @Override
    public Disposable schedule(Runnable task, long delay, TimeUnit unit) {
        return at(now + Math.max(0, unit.toNanos(delay)), task);
    }

    @Override
    public Disposable schedulePeriodically(Runnable task, long initialDelay, long period, TimeUnit unit) {
        Disposable.Swap current = Disposables.swap();
        periodically(current, task, now + unit.toNanos(initialDelay), unit.toNanos(period));
        return current;
    }

    private void periodically(Disposable.Swap current, Runnable task, long moment, long period) {
        current.replace(at(moment, () -> {
            task.run();
            if (!current.isDisposed()) {
                periodically(current, task, moment + period, period);
            }
        }));
    }

    private SimTask at(long moment, Runnable task) {
        SimTask planned = new SimTask(moment, scheduled++, task);
        agenda.add(planned);
        return planned;
    }

    @Override
    public Worker createWorker() {
        return new SimWorker();
    }

    @Override
    public long now(TimeUnit unit) {
        return unit.convert(now, TimeUnit.NANOSECONDS);
    }

    /** How much time has passed. */
    public Duration elapsed() {
        return Duration.ofNanos(now);
    }

    /** How many tasks have run. */
    public long executed() {
        return executed;
    }

    /** A clock of this time that goes wrong by so much. */
    public Clock clock(Duration skew) {
        return new SimClock(skew);
    }

    /** Lets time pass. */
    public void run(Duration duration) {
        long end = now + duration.toNanos();
        while (isDue(end)) {
            step();
        }
        now = end;
    }

    /** Lets time pass until a condition holds; false if nothing is left to happen, or it does not hold in time. */
    public boolean runUntil(BooleanSupplier condition, Duration atMost) {
        long end = now + atMost.toNanos();
        while (!condition.getAsBoolean()) {
            if (!isDue(end)) {
                return false;
            }
            step();
        }
        return true;
    }

    /** The value of a Mono, letting as much time pass as it takes; null if it is empty. */
    public <T> T await(Mono<T> mono, Duration atMost) {
        CompletableFuture<T> future = mono.toFuture();
        if (!runUntil(future::isDone, atMost)) {
            throw new AssertionError("Nothing was emitted within " + atMost + " of virtual time");
        }
        try {
            return future.join();
        } catch (CompletionException failed) {
            throw failed.getCause() instanceof RuntimeException cause ? cause : failed;
        }
    }

    private boolean isDue(long end) {
        SimTask next = agenda.peek();
        return next != null && next.moment() <= end;
    }

    private void step() {
        SimTask task = agenda.remove();
        if (!task.isDisposed()) {
            now = Math.max(now, task.moment());
            executed++;
            task.run();
        }
    }

    private final class SimWorker implements Worker {

        private boolean disposed;

        @Override
        public Disposable schedule(Runnable task) {
            return SimScheduler.this.schedule(guard(task));
        }

        @Override
        public Disposable schedule(Runnable task, long delay, TimeUnit unit) {
            return SimScheduler.this.schedule(guard(task), delay, unit);
        }

        @Override
        public Disposable schedulePeriodically(Runnable task, long initialDelay, long period, TimeUnit unit) {
            return SimScheduler.this.schedulePeriodically(guard(task), initialDelay, period, unit);
        }

        private Runnable guard(Runnable task) {
            if (disposed) {
                throw reactor.core.Exceptions.failWithRejected();
            }
            return () -> {
                if (!disposed) {
                    task.run();
                }
            };
        }

        @Override
        public void dispose() {
            disposed = true;
        }

        @Override
        public boolean isDisposed() {
            return disposed;
        }
    }

    private final class SimClock extends Clock {

        private final Duration skew;

        SimClock(Duration skew) {
            this.skew = skew;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }

        @Override
        public Instant instant() {
            return START.plusNanos(now).plus(skew);
        }
    }
}
