package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.identity.PeerId;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Tasks of one class in one pool. Callers take turns, one task a turn; the tasks of one caller keep their order.
 *
 * <p>A caller whose next task does not fit any more is passed over for this batch and begins the next one, so that no
 * call waits for more than one batch of each other caller. Guarded by the lock of {@link WaitingTasks}.
 */
final class FairQueue {

    private final Set<Task> byAge = new LinkedHashSet<>();
    private final Quota rows = new Quota(Long.MAX_VALUE);

    /** Of every caller its tasks; the first caller has the next turn. */
    private Map<PeerId, Set<Task>> turns = new LinkedHashMap<>();

    void add(Task task) {
        byAge.add(task);
        rows.add(task.caller(), task.rows());
        turns.computeIfAbsent(task.caller(), caller -> new LinkedHashSet<>()).add(task);
    }

    /** Takes a task out, if it is here. */
    boolean remove(Task task) {
        if (!byAge.contains(task)) {
            return false;
        }
        forget(task);
        turns.computeIfPresent(task.caller(), (caller, own) -> {
            own.remove(task);
            return own.isEmpty() ? null : own;
        });
        return true;
    }

    Optional<Task> oldest() {
        Iterator<Task> tasks = byAge.iterator();
        return tasks.hasNext() ? Optional.of(tasks.next()) : Optional.empty();
    }

    Stream<Task> tasks() {
        return byAge.stream();
    }

    long rows() {
        return rows.used();
    }

    /** Rows that are computed before those of a new task, as callers take turns. */
    long rowsBefore(Task task) {
        return rows.usedBefore(task.caller(), rows.usedBy(task.caller()) + task.rows());
    }

    /** Takes turns until nothing fits any more. */
    void fill(Filling batch) {
        Map<PeerId, Set<Task>> passedOver = new LinkedHashMap<>();
        while (!turns.isEmpty() && batch.hasRoom()) {
            PeerId caller = turns.keySet().iterator().next();
            Set<Task> own = turns.remove(caller);
            Task next = own.iterator().next();
            if (batch.take(next)) {
                own.remove(next);
                forget(next);
                giveBack(caller, own);
            } else {
                passedOver.put(caller, own);
            }
        }
        passedOver.putAll(turns);
        turns = passedOver;
    }

    private void forget(Task task) {
        byAge.remove(task);
        rows.remove(task.caller(), task.rows());
    }

    private void giveBack(PeerId caller, Set<Task> own) {
        if (!own.isEmpty()) {
            turns.put(caller, own);
        }
    }
}
