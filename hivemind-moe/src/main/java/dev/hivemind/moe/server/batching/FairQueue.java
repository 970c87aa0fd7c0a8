package dev.hivemind.moe.server.batching;

import dev.hivemind.moe.server.batching.Turns.Answer;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;

/**
 * Tasks of one class in one pool. Callers take turns, one task a turn; the tasks of one caller keep their order.
 *
 * <p>A caller whose next task does not fit any more is passed over for this batch and begins the next one, so that no
 * call waits for more than one batch of each other caller. Guarded by the lock of {@link WaitingTasks}.
 */
final class FairQueue {

    private final Set<Task> byAge = new LinkedHashSet<>();
    private final Turns turns = new Turns();
    private final Quota rows = new Quota(Long.MAX_VALUE);

    void add(Task task) {
        byAge.add(task);
        rows.add(task.caller(), task.rows());
        turns.add(task);
    }

    /** Takes a task out, if it is here. */
    boolean remove(Task task) {
        boolean removed = turns.remove(task);
        if (removed) {
            forget(task);
        }
        return removed;
    }

    Optional<Task> oldest() {
        Iterator<Task> tasks = byAge.iterator();
        return tasks.hasNext() ? Optional.of(tasks.next()) : Optional.empty();
    }

    boolean isEmpty() {
        return byAge.isEmpty();
    }

    /** The oldest first. */
    Collection<Task> tasks() {
        return byAge;
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
        turns.offer(task -> offer(task, batch));
    }

    private Answer offer(Task task, Filling batch) {
        if (!batch.hasRoom()) {
            return Answer.ENOUGH;
        }
        if (!batch.take(task)) {
            return Answer.PASSED_OVER;
        }
        forget(task);
        return Answer.TAKEN;
    }

    private void forget(Task task) {
        byAge.remove(task);
        rows.remove(task.caller(), task.rows());
    }
}
