package dev.hivemind.dht;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/** The one thread, at any moment, on which a node's state is read and written. Thread-safe. */
final class NodeLoop implements Disposable {

    private static final Logger LOG = LoggerFactory.getLogger(NodeLoop.class);

    private final Scheduler scheduler;
    private final Scheduler.Worker worker;

    NodeLoop(Scheduler scheduler) {
        this.scheduler = scheduler;
        this.worker = scheduler.createWorker();
    }

    /** The worker behind this loop, for whoever schedules on it directly. */
    Scheduler.Worker worker() {
        return worker;
    }

    /** The loop's own time. */
    long millis() {
        return scheduler.now(TimeUnit.MILLISECONDS);
    }

    /** Computes a value on the loop for each subscriber, and emits it there. */
    <T> Mono<T> call(Callable<T> task) {
        return Mono.create(sink -> sink.onDispose(worker.schedule(() -> {
            try {
                sink.success(task.call());
            } catch (Exception e) {
                sink.error(e);
            }
        })));
    }

    /** Runs a task on the loop, unless the loop has ended. */
    void execute(Runnable task) {
        try {
            worker.schedule(task);
        } catch (RejectedExecutionException ended) {
            LOG.debug("The loop has ended; a late signal is ignored");
        }
    }

    /** Runs a task on the loop after a while, unless the loop has ended or the task is disposed of. */
    Disposable after(Duration delay, Runnable task) {
        try {
            return worker.schedule(task, delay.toMillis(), TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException ended) {
            LOG.debug("The loop has ended; a timer is ignored");
            return Disposables.disposed();
        }
    }

    @Override
    public void dispose() {
        worker.dispose();
    }
}
