package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.identity.PeerId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What {@link WaitingTasks} does about order, by looking at every task every time. Its times start at 0. */
final class NaiveBatching {

    private final int maxRows;
    private final List<Waiting> waiting = new ArrayList<>();
    private final Set<Integer> busy = new HashSet<>();

    /** By pool and class, whose turn it is: the first in the list. */
    private final Map<String, List<PeerId>> turns = new HashMap<>();

    NaiveBatching(int maxRows) {
        this.maxRows = maxRows;
    }

    record Waiting(Task task, int pool, long sinceNanos, long deadlineNanos) {

        private long urgency() {
            return sinceNanos - task.priorityClass().ordinal() * PriorityClass.HEAD_START.toNanos();
        }

        private String queue() {
            return pool + "/" + task.priorityClass();
        }
    }

    void add(Waiting task) {
        waiting.add(task);
        List<PeerId> order = turns.computeIfAbsent(task.queue(), key -> new ArrayList<>());
        if (!order.contains(task.task().caller())) {
            order.add(task.task().caller());
        }
    }

    void remove(Task task) {
        waiting.removeIf(candidate -> candidate.task() == task);
        turns.forEach((queue, order) -> order.removeIf(caller -> next(queue, caller) == null));
    }

    void finish(int pool) {
        busy.remove(pool);
    }

    List<Task> take(long now) {
        List<Task> batch = List.of();
        while (batch.isEmpty()) {
            Waiting oldest = waiting.stream()
                    .filter(task -> !busy.contains(task.pool()))
                    .min(Comparator.comparingLong(Waiting::urgency))
                    .orElse(null);
            if (oldest == null) {
                return List.of();
            }
            batch = fill(oldest.pool(), now);
            if (!batch.isEmpty()) {
                busy.add(oldest.pool());
            }
        }
        return batch;
    }

    private List<Task> fill(int pool, long now) {
        List<Task> batch = new ArrayList<>();
        waiting.stream()
                .filter(task -> task.pool() == pool)
                .sorted(Comparator.comparingLong(Waiting::urgency))
                .map(Waiting::queue)
                .distinct()
                .toList()
                .forEach(queue -> fill(queue, batch, now));
        return batch;
    }

    private void fill(String queue, List<Task> batch, long now) {
        List<PeerId> order = turns.get(queue);
        List<PeerId> skipped = new ArrayList<>();
        while (!order.isEmpty() && rows(batch) < maxRows) {
            PeerId caller = order.remove(0);
            Waiting next = next(queue, caller);
            boolean expired = next.deadlineNanos() <= now;
            if (!expired && rows(batch) + next.task().rows() > maxRows) {
                skipped.add(caller);
                continue;
            }
            if (!expired) {
                batch.add(next.task());
            }
            waiting.remove(next);
            if (next(queue, caller) != null) {
                order.add(caller);
            }
        }
        order.addAll(0, skipped);
    }

    private Waiting next(String queue, PeerId caller) {
        return waiting.stream()
                .filter(task ->
                        task.queue().equals(queue) && task.task().caller().equals(caller))
                .findFirst()
                .orElse(null);
    }

    private static int rows(List<Task> tasks) {
        return tasks.stream().mapToInt(Task::rows).sum();
    }
}
