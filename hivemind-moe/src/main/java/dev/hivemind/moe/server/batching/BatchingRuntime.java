package dev.hivemind.moe.server.batching;

import dev.hivemind.moe.tensor.DeviceScheduler;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.RpcException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/**
 * A device and the pools that it serves.
 *
 * <p>The device forms a batch only when it is free, so that a batch holds whatever waits at that moment, and pools keep
 * their order by the age of their oldest task up to then:
 *
 * <pre>
 * calls   --a-b--------c-d-e--------f----->
 * device  --[a]=======[b c d]=======[e f]=>   at most max_batch_size rows
 * </pre>
 *
 * <p>A batch that fails is tried again task by task, so that a call that cannot be computed fails alone. No error ends
 * the runtime. Safe for use from any thread; owns its device thread.
 */
public final class BatchingRuntime {

    private static final Logger LOG = LoggerFactory.getLogger(BatchingRuntime.class);

    private final DeviceScheduler device;
    private final List<TaskPool> pools = new CopyOnWriteArrayList<>();
    private final AtomicBoolean turnScheduled = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();

    private BatchingRuntime(DeviceScheduler device) {
        this.device = device;
    }

    /**
     * A runtime with a device thread of its own, which starts with the first call.
     *
     * @param deviceName name of the thread
     * @param intraOpThreads threads that share one operation, at least 1
     */
    public static BatchingRuntime create(String deviceName, int intraOpThreads) {
        return new BatchingRuntime(DeviceScheduler.create(deviceName, intraOpThreads));
    }

    /**
     * Adds a pool.
     *
     * @param name for messages to callers, for example {@code expert.5/forward}
     */
    public TaskPool addPool(String name, BatchLimits limits, BatchFunction function) {
        var pool = new TaskPool(name, limits, function, this::scheduleTurn);
        pools.add(pool);
        if (closed.get()) {
            pool.close();
        }
        return pool;
    }

    /**
     * Refuses new calls, fails those that wait, and ends the device thread after the batch under way. Later
     * subscriptions complete at once.
     *
     * @param atLast runs on the device thread after the last batch
     */
    public Mono<Void> close(Runnable atLast) {
        return Mono.defer(() -> {
            if (!closed.compareAndSet(false, true)) {
                return Mono.empty();
            }
            pools.forEach(TaskPool::close);
            return Mono.<Void>fromRunnable(atLast)
                    .subscribeOn(device.scheduler())
                    .doFinally(signal -> device.dispose());
        });
    }

    private void scheduleTurn() {
        if (turnScheduled.compareAndSet(false, true)) {
            try {
                device.scheduler().schedule(this::takeTurn);
            } catch (RejectedExecutionException disposed) {
                LOG.debug("The device has ended; what waited has been failed with the pools");
            }
        }
    }

    private void takeTurn() {
        turnScheduled.set(false);
        nextBatch().ifPresent(batch -> {
            scheduleTurn();
            run(batch);
        });
    }

    private Optional<Batch> nextBatch() {
        Optional<TaskPool> pool = longestWaiting();
        while (pool.isPresent()) {
            Optional<Batch> batch = pool.get().takeBatch();
            if (batch.isPresent()) {
                return batch;
            }
            pool = longestWaiting();
        }
        return Optional.empty();
    }

    private Optional<TaskPool> longestWaiting() {
        TaskPool longest = null;
        long oldest = 0;
        for (TaskPool pool : pools) {
            OptionalLong since = pool.oldestNanos();
            if (since.isPresent() && (longest == null || since.getAsLong() - oldest < 0)) {
                longest = pool;
                oldest = since.getAsLong();
            }
        }
        return Optional.ofNullable(longest);
    }

    private void run(Batch batch) {
        long start = System.nanoTime();
        var attempt = new Attempt(batch);
        try {
            attempt.compute();
        } catch (Throwable error) {
            recover(attempt, error);
            return;
        }
        batch.pool().recordBatch(Duration.ofNanos(System.nanoTime() - start));
        attempt.deliver();
    }

    /** A batch whose computation may have changed something is not tried again. */
    private void recover(Attempt attempt, Throwable error) {
        Batch batch = attempt.batch();
        if (batch.isSingle() || attempt.isApplied()) {
            batch.fail(toRpcException(batch, error));
        } else {
            batch.split().forEach(this::run);
        }
    }

    private static RpcException toRpcException(Batch batch, Throwable error) {
        if (error instanceof RpcException known) {
            return known;
        }
        LOG.warn("{} failed to compute a batch", batch.pool(), error);
        return new ExpertFailedException("The expert failed while it computed this call");
    }
}
