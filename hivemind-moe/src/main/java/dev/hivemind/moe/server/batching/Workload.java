package dev.hivemind.moe.server.batching;

import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The pools in which tasks wait, and the batches under way. Guarded by the lock of {@link WaitingTasks}. */
final class Workload {

    private final int devices;
    private final Set<PoolQueue> waiting = new LinkedHashSet<>();

    /** When each batch under way is expected to end. */
    private final IdentityHashMap<Batch, Long> running = new IdentityHashMap<>();

    Workload(int devices) {
        this.devices = devices;
    }

    void waits(PoolQueue pool) {
        waiting.add(pool);
    }

    void refresh(PoolQueue pool) {
        if (pool.isEmpty()) {
            waiting.remove(pool);
        }
    }

    /** Forgets the pools, which are no longer served. */
    List<PoolQueue> removeAll() {
        List<PoolQueue> all = List.copyOf(waiting);
        waiting.clear();
        return all;
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    void begin(Batch batch, long now) {
        batch.pool().group().setBusy(true);
        running.put(batch, now + batch.pool().computeTime().ofBatch(batch.rows()));
    }

    /** The device is free again; the group may still be busy. */
    void end(Batch batch) {
        running.remove(batch);
    }

    /** Of the pools whose group is free and that linger no more, the one whose oldest task has waited longest. */
    Optional<PoolQueue> next(long now) {
        PoolQueue next = null;
        for (PoolQueue pool : waiting) {
            boolean ready = !pool.group().isBusy() && pool.lingersForNanos(now) <= 0;
            if (ready && (next == null || pool.urgency() - next.urgency() < 0)) {
                next = pool;
            }
        }
        return Optional.ofNullable(next);
    }

    /** How long until a pool lingers no more; empty when none will. */
    Optional<Long> nextInNanos(long now) {
        return waiting.stream()
                .filter(pool -> !pool.group().isBusy())
                .map(pool -> pool.lingersForNanos(now))
                .min(Long::compare);
    }

    /** When a new task of a pool is expected to be answered, counted from now. Rather too early than too late. */
    long answerInNanos(PoolQueue pool, Task task, long now) {
        int maxRows = pool.limits().maxBatchSize();
        long before = pool.rowsBefore(task);
        long own = before / maxRows * pool.computeTime().ofBatch(maxRows);
        // A pool in which nothing happens lets a task try: its estimate may be old, and would never get better else.
        if (!pool.isEmpty() || pool.group().isBusy()) {
            own += pool.computeTime().ofBatch((int) Math.min(maxRows, before % maxRows + task.rows()));
        }
        return startsInNanos(pool, now) + othersNanos(pool, task, now) / devices + own;
    }

    private long startsInNanos(PoolQueue pool, long now) {
        long deviceFree = running.size() < devices ? 0 : Long.MAX_VALUE;
        long groupFree = 0;
        for (Map.Entry<Batch, Long> batch : running.entrySet()) {
            long endsIn = batch.getValue() - now;
            deviceFree = Math.min(deviceFree, endsIn);
            if (batch.getKey().pool().group() == pool.group()) {
                groupFree = Math.max(groupFree, endsIn);
            }
        }
        return Math.max(0, Math.max(deviceFree, groupFree));
    }

    /** One batch of each pool that goes first. */
    private long othersNanos(PoolQueue pool, Task task, long now) {
        long ownUrgency = task.priorityClass().urgency(now);
        long urgency = pool.isEmpty() || ownUrgency - pool.urgency() < 0 ? ownUrgency : pool.urgency();
        long nanos = 0;
        for (PoolQueue other : waiting) {
            if (other != pool && other.urgency() - urgency < 0) {
                nanos += other.computeTime()
                        .ofBatch((int) Math.min(other.limits().maxBatchSize(), other.rows()));
            }
        }
        return nanos;
    }
}
