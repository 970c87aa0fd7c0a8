package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * All tasks that wait for the devices of a runtime, and the rules by which they come in and go out.
 *
 * <p>In: a task is <em>admitted</em> when there is room for its rows in its pool and for its bytes among all, and when it
 * is not bound to miss its deadline; then it is <em>queued</em>. Out: {@link #take()} forms a batch, at the moment at
 * which a device asks for it.
 *
 * <p>Invariants, guarded by this object's lock: every task that was admitted is accounted for until it is taken or
 * withdrawn; a task is queued until exactly one party takes it out, which then owns it; a group has at most one batch
 * under way. No signal is sent while the lock is held. Safe for use from any thread.
 */
final class WaitingTasks {

    private static final Duration MIN_RETRY = Duration.ofMillis(10);
    private static final Duration DEFAULT_RETRY = Duration.ofMillis(100);
    private static final Duration MAX_RETRY = Duration.ofSeconds(30);

    private final LongSupplier clock;
    private final Quota bytes;
    private final Workload workload;
    private final List<Applicant> applicants = new ArrayList<>();
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

    /** Says why the task does not get in; null if it does, and is to be queued then or withdrawn. */
    synchronized @Nullable RpcException admit(PoolQueue pool, Task task) {
        RpcException refusal = refusal(pool, task, clock.getAsLong());
        if (refusal == null && !hasRoom(pool, task)) {
            refusal = full(pool, task);
        }
        if (refusal == null) {
            account(pool, task);
        }
        return refusal;
    }

    /** Admits a task as soon as there is room for it, and tells the applicant so, or why it never will. */
    void admitLater(Applicant applicant) {
        if (apply(applicant)) {
            applicant.answer();
        }
    }

    private synchronized boolean apply(Applicant applicant) {
        boolean decided = decide(applicant);
        if (!decided) {
            applicants.add(applicant);
        }
        return decided;
    }

    private boolean decide(Applicant applicant) {
        PoolQueue pool = applicant.pool();
        Task task = applicant.task();
        RpcException refusal = refusal(pool, task, clock.getAsLong());
        if (refusal != null) {
            applicant.refuse(refusal);
            return true;
        }
        boolean room = hasRoom(pool, task);
        if (room) {
            account(pool, task);
        }
        return room;
    }

    /** Says whether the applicant was still waiting; it is not any more. */
    synchronized boolean abandon(Applicant applicant) {
        return applicants.remove(applicant);
    }

    private @Nullable RpcException refusal(PoolQueue pool, Task task, long now) {
        if (closed) {
            return shuttingDown();
        }
        if (task.isExpired(now)) {
            return tooLate();
        }
        long answerIn = pool.computeTime().isKnown() ? workload.answerInNanos(pool, task, now) : 0;
        if (answerIn > task.remainingNanos(now)) {
            return new OverloadedException(
                    "An answer from %s takes about %d ms, but the deadline is in %d ms"
                            .formatted(pool, toMillis(answerIn), toMillis(task.remainingNanos(now))),
                    retryAfter(answerIn));
        }
        return null;
    }

    private boolean hasRoom(PoolQueue pool, Task task) {
        return pool.admittedRows().admits(task.caller(), task.rows()) && bytes.admits(task.caller(), task.sizeBytes());
    }

    private OverloadedException full(PoolQueue pool, Task task) {
        long answerIn = workload.answerInNanos(pool, task, clock.getAsLong());
        return new OverloadedException(
                "%d rows wait for %s already, %d of them yours"
                        .formatted(
                                pool.admittedRows().used(),
                                pool,
                                pool.admittedRows().usedBy(task.caller())),
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

    private void account(PoolQueue pool, Task task) {
        pool.admittedRows().add(task.caller(), task.rows());
        bytes.add(task.caller(), task.sizeBytes());
    }

    private void discount(PoolQueue pool, Task task) {
        pool.admittedRows().remove(task.caller(), task.rows());
        bytes.remove(task.caller(), task.sizeBytes());
    }

    /** Queues an admitted task; false if the runtime closed meanwhile, and the task is out then. */
    synchronized boolean queue(PoolQueue pool, Task task) {
        if (closed) {
            discount(pool, task);
            return false;
        }
        pool.enqueue(task, clock.getAsLong());
        workload.waits(pool);
        return true;
    }

    /** Takes an admitted task out that is not queued. */
    void withdraw(PoolQueue pool, Task task) {
        List<Applicant> decided;
        synchronized (this) {
            discount(pool, task);
            decided = reconsider();
        }
        decided.forEach(Applicant::answer);
    }

    /** Takes a task out; false if it is not queued any more, else the caller owns it now. */
    boolean cancel(PoolQueue pool, Task task) {
        List<Applicant> decided;
        synchronized (this) {
            if (!pool.remove(task)) {
                return false;
            }
            discount(pool, task);
            workload.refresh(pool);
            decided = reconsider();
        }
        decided.forEach(Applicant::answer);
        return true;
    }

    /** Those of the applicants who are admitted or refused now; oldest first, so that none waits for ever. */
    private List<Applicant> reconsider() {
        if (applicants.isEmpty()) {
            return List.of();
        }
        List<Applicant> decided = applicants.stream().filter(this::decide).toList();
        applicants.removeAll(decided);
        return decided;
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
        return new Taken(batch, filling.expired(), reconsider());
    }

    private record Taken(Batch batch, List<Task> expired, List<Applicant> decided) {

        boolean isEmpty() {
            return batch.tasks().isEmpty();
        }

        void settle() {
            expired.forEach(task -> task.fail(tooLate()));
            decided.forEach(Applicant::answer);
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
        return Math.toIntExact(pool.admittedRows().used());
    }

    /** Refuses tasks from now on, and fails those that wait. */
    void close() {
        List<Task> tasks = new ArrayList<>();
        List<Applicant> refused;
        synchronized (this) {
            closed = true;
            workload.removeAll()
                    .forEach(pool -> pool.tasks().forEach(task -> {
                        pool.remove(task);
                        discount(pool, task);
                        tasks.add(task);
                    }));
            refused = reconsider();
        }
        tasks.forEach(task -> task.fail(shuttingDown()));
        refused.forEach(Applicant::answer);
    }

    private static DeadlineExceededException tooLate() {
        return new DeadlineExceededException("The deadline passed before the call was computed");
    }

    static PeerUnavailableException shuttingDown() {
        return new PeerUnavailableException("The expert's server is shutting down");
    }
}
