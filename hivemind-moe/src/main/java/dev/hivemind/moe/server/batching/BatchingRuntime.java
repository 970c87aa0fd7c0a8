package dev.hivemind.moe.server.batching;

import dev.hivemind.moe.tensor.DeviceScheduler;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * Devices, and the pools that they serve.
 *
 * <p>A batch is formed only when a device asks for one, out of whatever waits at that moment; up to then pools keep their
 * order by the age of their oldest task:
 *
 * <pre>
 * tasks    --a-b--------c-d-e--------f-----&gt;
 * request  -1-----------1------------1-----&gt;
 * batches  --[a]--------[b c d]------[e f]-&gt;   at most max_batch_size rows
 * results  -------------a------------b-c-d-&gt;
 * </pre>
 *
 * <p>No error ends the runtime. Safe for use from any thread; owns its device threads.
 */
public final class BatchingRuntime {

    /** How many bytes of tensors wait at most, unless told otherwise. */
    public static final long DEFAULT_MAX_QUEUED_BYTES = 256L << 20;

    /** Groups that can hold results back at a time; a device would have to wait for one more. */
    private static final int MAX_PAUSING = 1_024;

    private final WaitingTasks waiting;
    private final List<DeviceScheduler> devices;
    private final List<BatchesOnDemand> batches;
    private final LongSupplier clock;
    private final Scheduler timer;
    private final Disposable.Swap alarm = Disposables.swap();
    private final AtomicBoolean closing = new AtomicBoolean();
    private final Sinks.Empty<Void> closed = Sinks.empty();
    private final Sinks.Empty<Void> ended = Sinks.empty();
    private final Disposable running;

    private BatchingRuntime(List<DeviceScheduler> devices, long maxQueuedBytes, LongSupplier clock, Scheduler timer) {
        this.devices = List.copyOf(devices);
        this.clock = clock;
        this.timer = timer;
        this.waiting = new WaitingTasks(clock, devices.size(), maxQueuedBytes);
        this.batches = this.devices.stream()
                .map(device -> new BatchesOnDemand(waiting, device.scheduler(), this::onLook))
                .toList();
        this.running = start();
    }

    /**
     * A runtime with device threads of its own, which start with the first calls.
     *
     * @param threads names of the device threads and how many there are
     * @param maxQueuedBytes the most bytes of tensors that wait, in all pools; a caller alone comes to half of it
     */
    public static BatchingRuntime create(DeviceThreads threads, long maxQueuedBytes) {
        return create(threads, maxQueuedBytes, System::nanoTime, Schedulers.parallel());
    }

    static BatchingRuntime create(DeviceThreads threads, long maxQueuedBytes, LongSupplier clock, Scheduler timer) {
        if (maxQueuedBytes < 1) {
            throw new IllegalArgumentException("maxQueuedBytes is at least 1, not " + maxQueuedBytes);
        }
        return new BatchingRuntime(threads.open(), maxQueuedBytes, clock, timer);
    }

    /** Starts pools of which one batch at most is computed at a time. */
    public PoolGroup newGroup() {
        return new PoolGroup(queue -> new TaskPool(queue, waiting, this::wakeDevice));
    }

    private Disposable start() {
        return Flux.fromIterable(batches)
                .flatMap(this::results, batches.size())
                .doFinally(signal -> ended.tryEmitEmpty())
                .subscribe();
    }

    /** Tasks that wait become a batch when the device asks for one, and a batch becomes results. */
    private Flux<Outcome> results(Flux<Batch> batchesOnDemand) {
        return batchesOnDemand
                .concatMap(this::computed, 0)
                .flatMap(this::afterItsPause, MAX_PAUSING)
                .doOnNext(this::finish);
    }

    /** On the device thread; the device asks for the next batch when this one is done. */
    private Mono<Outcome> computed(Batch batch) {
        return Mono.fromCallable(() -> {
            long start = clock.getAsLong();
            Outcome outcome = Attempts.compute(batch);
            Duration computed = Duration.ofNanos(clock.getAsLong() - start);
            waiting.computed(batch, computed);
            report(outcome, start, computed);
            return outcome;
        });
    }

    private static void report(Outcome outcome, long start, Duration computed) {
        PoolListener listener = outcome.batch().pool().listener();
        if (listener.isListening() && !outcome.results().isEmpty()) {
            listener.computed(outcome.report(start, computed));
        }
    }

    private Mono<Outcome> afterItsPause(Outcome outcome) {
        if (outcome.pause().isZero()) {
            return Mono.just(outcome);
        }
        return Mono.delay(outcome.pause(), timer).then().or(closed.asMono()).thenReturn(outcome);
    }

    private void finish(Outcome outcome) {
        waiting.finished(outcome.batch());
        if (!waiting.isEmpty()) {
            wakeDevice();
        }
        outcome.deliver();
    }

    /** Lets one device look for a batch, if one has asked; one that finds something wakes the next. */
    private void wakeDevice() {
        for (BatchesOnDemand device : batches) {
            if (device.wake()) {
                return;
            }
        }
    }

    private void onLook(boolean found) {
        if (found) {
            wakeDevice();
        } else {
            waiting.nextIn().ifPresent(this::lookAgainIn);
        }
    }

    private void lookAgainIn(Duration wait) {
        alarm.update(timer.schedule(this::wakeDevice, Math.max(0, wait.toNanos()), TimeUnit.NANOSECONDS));
    }

    /**
     * Refuses new calls, fails those that wait, and ends the device threads after the batches under way. Later
     * subscriptions complete at once.
     *
     * @param atLast runs on a device thread after the last batch
     */
    public Mono<Void> close(Runnable atLast) {
        return Mono.defer(() -> {
            if (!closing.compareAndSet(false, true)) {
                return Mono.empty();
            }
            waiting.close();
            closed.tryEmitEmpty();
            batches.forEach(BatchesOnDemand::complete);
            return ended.asMono()
                    .then(Mono.<Void>fromRunnable(atLast)
                            .subscribeOn(devices.get(0).scheduler()))
                    .doFinally(signal -> dispose());
        });
    }

    private void dispose() {
        running.dispose();
        alarm.dispose();
        devices.forEach(DeviceScheduler::dispose);
    }
}
