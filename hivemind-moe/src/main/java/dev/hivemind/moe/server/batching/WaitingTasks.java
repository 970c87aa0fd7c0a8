package dev.hivemind.moe.server.batching;

import dev.hivemind.moe.server.batching.Turns.Answer;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * All tasks that wait for the devices of a runtime, and the rules by which they come in and go out.
 *
 * <p>In: a task is queued when there is room for its rows in its pool and for its bytes among all, and when it is not bound
 * to miss its deadline. If there is no room it is refused, or waits outside as an <em>applicant</em>. Out: {@link #take()}
 * forms a batch, at the moment at which a device asks for it.
 *
 * <p>Invariants, guarded by this object's lock: every queued task is accounted for; a task is queued, or an applicant,
 * until exactly one party takes it out, which then owns it; no applicant waits for whom there is room; a group has at most
 * one batch under way. No signal is sent while the lock is held. Safe for use from any thread.
 */
final class WaitingTasks {

    private static final Duration MIN_RETRY = Duration.ofMillis(10);
    private static final Duration DEFAULT_RETRY = Duration.ofMillis(100);
    private static final Duration MAX_RETRY = Duration.ofSeconds(30);

    private final LongSupplier clock;
    private final Quota bytes;
    private final Workload workload;
    private final Set<PoolQueue> withApplicants = new LinkedHashSet<>();
    private boolean closed;

    /**
     * @param clock like {@link System#nanoTime()}
     * @param devices how many batches can be under way
     * @param maxBytes the most bytes of tensors that wait
     */
    WaitingTasks(LongSupplier clock, int devices, long maxBytes) {
        this.clock = clock;
        this.workload = new Workload(devices);
        this.bytes = new Quota(maxBytes);
    }

    /** Queues a task, or says why it does not get in. */
    synchronized @Nullable RpcException enter(PoolQueue pool, Task task) {
        long now = clock.getAsLong();
        RpcException refusal = refusal(pool, task, now);
        if (refusal == null && (pool.isPromised() || !hasRoom(pool, task))) {
            refusal = full(pool, task, now);
        }
        if (refusal == null) {
            queue(pool, task, now);
        }
        return refusal;
    }

    /** Queues a task as soon as there is room for it, or fails it as soon as it cannot be computed in time. */
    void enterWhenRoom(PoolQueue pool, Task task) {
        apply(pool, task).forEach(Refusal::deliver);
    }

    private synchronized List<Refusal> apply(PoolQueue pool, Task task) {
        RpcException refusal = refusal(pool, task, clock.getAsLong());
        if (refusal != null) {
            return List.of(new Refusal(pool, task, refusal));
        }
        pool.applicants().add(task);
        withApplicants.add(pool);
        return letIn();
    }

    /** Queues the applicants for whom there is room now. Those who need not wait any more are refused. */
    private List<Refusal> letIn() {
        if (withApplicants.isEmpty()) {
            return List.of();
        }
        long now = clock.getAsLong();
        List<Refusal> refused = new ArrayList<>();
        for (PoolQueue pool : withApplicants) {
            pool.setPromised(false);
            pool.applicants().offer(task -> decide(pool, task, now, refused));
        }
        withApplicants.removeIf(pool -> pool.applicants().isEmpty());
        return refused;
    }

    private Answer decide(PoolQueue pool, Task task, long now, List<Refusal> refused) {
        boolean room = hasRoom(pool, task);
        RpcException refusal = room ? refusal(pool, task, now) : untimely(task, now);
        if (refusal != null) {
            refused.add(new Refusal(pool, task, refusal));
        } else if (room) {
            queue(pool, task, now);
        } else if (isBeyondShare(pool, task)) {
            return Answer.PASSED_OVER;
        } else {
            pool.setPromised(true);
            return Answer.ENOUGH;
        }
        return Answer.TAKEN;
    }

    private @Nullable RpcException refusal(PoolQueue pool, Task task, long now) {
        RpcException untimely = untimely(task, now);
        return untimely != null ? untimely : hopeless(pool, task, now);
    }

    private @Nullable RpcException untimely(Task task, long now) {
        if (closed) {
            return shuttingDown();
        }
        return task.isExpired(now) ? tooLate() : null;
    }

    private @Nullable RpcException hopeless(PoolQueue pool, Task task, long now) {
        long answerIn = pool.computeTime().isKnown() ? workload.answerInNanos(pool, task, now) : 0;
        if (answerIn <= task.remainingNanos(now)) {
            return null;
        }
        return new OverloadedException(
                "An answer from %s takes about %d ms, but the deadline is in %d ms"
                        .formatted(pool, toMillis(answerIn), toMillis(task.remainingNanos(now))),
                retryAfter(answerIn));
    }

    private boolean hasRoom(PoolQueue pool, Task task) {
        return pool.queuedRows().admits(task.caller(), task.rows()) && bytes.admits(task.caller(), task.sizeBytes());
    }

    private boolean isBeyondShare(PoolQueue pool, Task task) {
        return pool.queuedRows().isBeyondShare(task.caller(), task.rows())
                || bytes.isBeyondShare(task.caller(), task.sizeBytes());
    }

    private OverloadedException full(PoolQueue pool, Task task, long now) {
        long answerIn = workload.answerInNanos(pool, task, now);
        return new OverloadedException(
                "%d rows wait for %s already, %d of them yours"
                        .formatted(
                                pool.queuedRows().used(),
                                pool,
                                pool.queuedRows().usedBy(task.caller())),
                pool.computeTime().isKnown() ? retryAfter(answerIn) : DEFAULT_RETRY);
    }

    private static Duration retryAfter(long answerInNanos) {
        Duration estimate = Duration.ofNanos(answerInNanos);
        if (estimate.compareTo(MIN_RETRY) < 0) {
            return MIN_RETRY;
        }
        return estimate.compareTo(MAX_RETRY) > 0 ? MAX_RETRY : estimate;
    }

    private static long toMillis(long nanos) {
        return Duration.ofNanos(nanos).toMillis();
    }

    private void queue(PoolQueue pool, Task task, long now) {
        pool.queuedRows().add(task.caller(), task.rows());
        bytes.add(task.caller(), task.sizeBytes());
        pool.enqueue(task, now);
        workload.waits(pool);
    }

    private void discount(PoolQueue pool, Task task) {
        pool.queuedRows().remove(task.caller(), task.rows());
        bytes.remove(task.caller(), task.sizeBytes());
    }

    /** Takes a task out; false if it does not wait any more, else the caller owns it now. */
    boolean cancel(PoolQueue pool, Task task) {
        List<Refusal> refused;
        synchronized (this) {
            if (!remove(pool, task)) {
                return false;
            }
            refused = letIn();
        }
        refused.forEach(Refusal::deliver);
        return true;
    }

    private boolean remove(PoolQueue pool, Task task) {
        boolean queued = pool.remove(task);
        if (queued) {
            discount(pool, task);
            workload.refresh(pool);
        }
        return queued || pool.applicants().remove(task);
    }

    /**
     * A batch of the pool whose oldest task has waited longest, if any is ready. Its group is busy until
     * {@link #finished}. Tasks whose deadline has passed fail instead.
     */
    Optional<Batch> take() {
        Optional<Taken> taken = takeOnce();
        while (taken.isPresent() && taken.get().isEmpty()) {
            taken.get().settle();
            taken = takeOnce();
        }
        taken.ifPresent(Taken::settle);
        return taken.map(Taken::batch);
    }

    private synchronized Optional<Taken> takeOnce() {
        long now = clock.getAsLong();
        return workload.next(now).map(pool -> takeFrom(pool, now));
    }

    private Taken takeFrom(PoolQueue pool, long now) {
        Filling filling = pool.fill(now);
        filling.taken().forEach(task -> discount(pool, task));
        filling.expired().forEach(task -> discount(pool, task));
        workload.refresh(pool);
        var batch = new Batch(pool, filling.taken());
        if (!filling.taken().isEmpty()) {
            workload.begin(batch, now);
        }
        List<Refusal> refused = new ArrayList<>(letIn());
        filling.expired().forEach(task -> refused.add(new Refusal(pool, task, tooLate())));
        return new Taken(batch, refused);
    }

    private record Taken(Batch batch, List<Refusal> refused) {

        boolean isEmpty() {
            return batch.tasks().isEmpty();
        }

        void settle() {
            refused.forEach(Refusal::deliver);
        }
    }

    /** Takes note that a batch has been computed, and how long that took. Its device is free. */
    synchronized void computed(Batch batch, Duration time) {
        workload.end(batch);
        batch.pool().computeTime().record(batch.rows(), time.toNanos());
    }

    /** Lets the next batch of the group come. */
    synchronized void finished(Batch batch) {
        batch.pool().group().setBusy(false);
    }

    synchronized boolean isEmpty() {
        return workload.isEmpty();
    }

    /** How long until a batch can be formed, not positive if it can now; empty when none can before something happens. */
    synchronized Optional<Duration> nextIn() {
        return workload.nextInNanos(clock.getAsLong()).map(Duration::ofNanos);
    }

    synchronized int queuedRows(PoolQueue pool) {
        return Math.toIntExact(pool.queuedRows().used());
    }

    /** Refuses tasks from now on, and fails those that wait. */
    void close() {
        List<Refusal> refused = new ArrayList<>();
        synchronized (this) {
            closed = true;
            workload.removeAll()
                    .forEach(pool -> pool.tasks().forEach(task -> {
                        remove(pool, task);
                        refused.add(new Refusal(pool, task, shuttingDown()));
                    }));
            refused.addAll(letIn());
        }
        refused.forEach(Refusal::deliver);
    }

    private static DeadlineExceededException tooLate() {
        return new DeadlineExceededException("The deadline passed before the call was computed");
    }

    private static PeerUnavailableException shuttingDown() {
        return new PeerUnavailableException("The expert's server is shutting down");
    }
}
