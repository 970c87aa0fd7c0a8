package dev.hivemind.moe.server.batching;

import static java.util.Objects.requireNonNull;

import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Operators;
import reactor.core.scheduler.Scheduler;

/**
 * The batches of one device. Each is formed on the device's thread, when one has been requested, out of what waits at
 * that moment; without a request, tasks stay where they are. Completes after {@link #complete()}. One subscriber.
 */
final class BatchesOnDemand extends Flux<Batch> implements Subscription {

    private static final Logger LOG = LoggerFactory.getLogger(BatchesOnDemand.class);

    private final WaitingTasks tasks;
    private final Scheduler device;
    private final OnLook onLook;
    private final AtomicLong requested = new AtomicLong();
    private final AtomicBoolean awake = new AtomicBoolean();
    private @Nullable CoreSubscriber<? super Batch> subscriber;
    private volatile boolean completing;
    private volatile boolean ended;

    /** @param onLook runs on the device's thread whenever it has looked for a batch, before that is emitted */
    BatchesOnDemand(WaitingTasks tasks, Scheduler device, OnLook onLook) {
        this.tasks = tasks;
        this.device = device;
        this.onLook = onLook;
    }

    @Override
    public void subscribe(CoreSubscriber<? super Batch> actual) {
        if (subscriber != null) {
            Operators.error(actual, new IllegalStateException("A device has one user"));
            return;
        }
        subscriber = actual;
        actual.onSubscribe(this);
    }

    @Override
    public void request(long n) {
        if (Operators.validate(n)) {
            requested.accumulateAndGet(n, Operators::addCap);
            if (!tasks.isEmpty()) {
                wake();
            }
        }
    }

    @Override
    public void cancel() {
        ended = true;
    }

    /** Ends the flow after the batch under way. */
    void complete() {
        completing = true;
        wake();
    }

    /**
     * Lets the device look for a batch, if it has asked for one and is not about to look anyway.
     *
     * @return whether it will look because of this call
     */
    boolean wake() {
        boolean wanted = !ended && (completing || requested.get() > 0);
        if (!wanted || !awake.compareAndSet(false, true)) {
            return false;
        }
        try {
            device.schedule(this::look);
            return true;
        } catch (RejectedExecutionException disposed) {
            LOG.debug("The device has ended; what waited has been failed with the pools");
            return false;
        }
    }

    private void look() {
        awake.set(false);
        if (ended) {
            return;
        }
        if (completing) {
            ended = true;
            requireNonNull(subscriber).onComplete();
        } else if (requested.get() > 0) {
            Optional<Batch> batch = tasks.take();
            batch.ifPresent(taken -> requested.decrementAndGet());
            onLook.looked(batch.isPresent());
            batch.ifPresent(requireNonNull(subscriber)::onNext);
        }
    }

    /** Learns what a device has found. */
    @FunctionalInterface
    interface OnLook {

        /** The device has looked, and found a batch or not. */
        void looked(boolean found);
    }
}
