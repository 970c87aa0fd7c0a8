package dev.hivemind.moe.server.batching;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;

/** The tasks that wait in one pool. All but the constants is guarded by the lock of {@link WaitingTasks}. */
final class PoolQueue {

    private final String name;
    private final PoolGroup group;
    private final BatchLimits limits;
    private final BatchFunction function;
    private final PoolListener listener;

    private final Map<PriorityClass, FairQueue> classes = new EnumMap<>(PriorityClass.class);
    private final Quota queuedRows;
    private final Turns applicants = new Turns();
    private boolean promised;
    private final ComputeTime computeTime = new ComputeTime();
    private long urgency;
    private long dueNanos;

    PoolQueue(String name, PoolGroup group, BatchLimits limits, BatchFunction function, PoolListener listener) {
        this.name = name;
        this.group = group;
        this.limits = limits;
        this.function = function;
        this.listener = listener;
        this.queuedRows = new Quota(limits.maxQueuedRows());
        for (PriorityClass priorityClass : PriorityClass.values()) {
            classes.put(priorityClass, new FairQueue());
        }
    }

    PoolGroup group() {
        return group;
    }

    BatchLimits limits() {
        return limits;
    }

    BatchFunction function() {
        return function;
    }

    PoolListener listener() {
        return listener;
    }

    ComputeTime computeTime() {
        return computeTime;
    }

    Quota queuedRows() {
        return queuedRows;
    }

    /** Tasks that wait outside until there is room for them. */
    Turns applicants() {
        return applicants;
    }

    /** Whether the next room is promised to one of the applicants. */
    boolean isPromised() {
        return promised;
    }

    void setPromised(boolean promised) {
        this.promised = promised;
    }

    void enqueue(Task task, long now) {
        boolean first = isEmpty();
        task.enqueue(now, limits.linger().toNanos());
        classOf(task).add(task);
        urgency = first || task.urgency() - urgency < 0 ? task.urgency() : urgency;
        dueNanos = first || task.dueNanos() - dueNanos < 0 ? task.dueNanos() : dueNanos;
    }

    /** Takes a task out, if it is here. */
    boolean remove(Task task) {
        boolean removed = classOf(task).remove(task);
        if (removed && (task.urgency() == urgency || task.dueNanos() == dueNanos)) {
            refresh();
        }
        return removed;
    }

    /** Takes the tasks of the next batch out of the queue, the most urgent class first. */
    Filling fill(long now) {
        var batch = new Filling(limits.maxBatchSize(), now);
        List<FairQueue> queues = occupied();
        queues.sort((one, other) -> Long.signum(urgency(one) - urgency(other)));
        queues.forEach(queue -> queue.fill(batch));
        refresh();
        return batch;
    }

    List<Task> tasks() {
        List<Task> tasks = new ArrayList<>();
        classes.values().forEach(queue -> tasks.addAll(queue.tasks()));
        return tasks;
    }

    boolean isEmpty() {
        for (FairQueue queue : classes.values()) {
            if (!queue.isEmpty()) {
                return false;
            }
        }
        return true;
    }

    long rows() {
        long rows = 0;
        for (FairQueue queue : classes.values()) {
            rows += queue.rows();
        }
        return rows;
    }

    /** The moment by which pools are ordered: the earlier the more urgent. Only for a pool that is not empty. */
    long urgency() {
        return urgency;
    }

    /** How long a free device waits for more rows; not positive when it takes those that are here. */
    long lingersForNanos(long now) {
        return rows() >= limits.minBatchSize() ? 0 : dueNanos - now;
    }

    /** Rows that are computed before those of a new task. */
    long rowsBefore(Task task) {
        long rows = classOf(task).rowsBefore(task);
        for (Map.Entry<PriorityClass, FairQueue> entry : classes.entrySet()) {
            rows += entry.getKey().compareTo(task.priorityClass()) > 0
                    ? entry.getValue().rows()
                    : 0;
        }
        return rows;
    }

    private FairQueue classOf(Task task) {
        return requireNonNull(classes.get(task.priorityClass()));
    }

    private List<FairQueue> occupied() {
        List<FairQueue> queues = new ArrayList<>(classes.size());
        for (FairQueue queue : classes.values()) {
            if (!queue.isEmpty()) {
                queues.add(queue);
            }
        }
        return queues;
    }

    private static long urgency(FairQueue queue) {
        return queue.oldest().map(Task::urgency).orElse(Long.MAX_VALUE);
    }

    private void refresh() {
        urgency = earliest(Task::urgency, urgency, oldest());
        dueNanos = limits.minBatchSize() == 1 ? urgency : earliest(Task::dueNanos, dueNanos, tasks());
    }

    /** Of each class. */
    private List<Task> oldest() {
        List<Task> oldest = new ArrayList<>(classes.size());
        classes.values().forEach(queue -> queue.oldest().ifPresent(oldest::add));
        return oldest;
    }

    /** By difference: the clock may overflow. */
    private static long earliest(ToLongFunction<Task> moment, long otherwise, List<Task> tasks) {
        long earliest = tasks.isEmpty() ? otherwise : moment.applyAsLong(tasks.get(0));
        for (Task task : tasks) {
            long own = moment.applyAsLong(task);
            earliest = own - earliest < 0 ? own : earliest;
        }
        return earliest;
    }

    @Override
    public String toString() {
        return "'" + name + "'";
    }
}
