package dev.hivemind.dht.sim;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/**
 * Tasks in the order of their moments. What is due at once waits in a queue; the rest in a binary heap, whose moments lie in an
 * array of their own, since most of the time of a simulation would else go into fetching tasks from memory to compare them.
 */
final class SimAgenda {

    private static final int FIRST_SIZE = 1_024;

    private final Deque<SimTask> atOnce = new ArrayDeque<>();
    private long[] moments = new long[FIRST_SIZE];
    private SimTask[] tasks = new SimTask[FIRST_SIZE];
    private int size;

    /** Adds a task of the present moment, behind those that are there. */
    void addNow(SimTask task) {
        atOnce.add(task);
    }

    /** Adds a task of any moment. */
    void add(SimTask task) {
        if (size == tasks.length) {
            moments = Arrays.copyOf(moments, 2 * size);
            tasks = Arrays.copyOf(tasks, 2 * size);
        }
        int place = size++;
        int parent = (place - 1) / 2;
        while (place > 0 && isBefore(task, parent)) {
            put(place, tasks[parent]);
            place = parent;
            parent = (place - 1) / 2;
        }
        put(place, task);
    }

    /** The next task, or null if there are no more. */
    SimTask peek() {
        SimTask soon = atOnce.peek();
        return size == 0 || (soon != null && soon.isBefore(tasks[0])) ? soon : tasks[0];
    }

    /** Removes the next task, of at least one. */
    SimTask remove() {
        SimTask next = peek();
        if (next == atOnce.peek()) {
            return atOnce.remove();
        }
        SimTask last = tasks[--size];
        tasks[size] = null;
        if (size > 0) {
            sink(last);
        }
        return next;
    }

    /** Puts a task at the top, from where it gives way to those before it. */
    private void sink(SimTask task) {
        int place = 0;
        int child = nearestChild(place);
        while (child < size && !isBefore(task, child)) {
            put(place, tasks[child]);
            place = child;
            child = nearestChild(place);
        }
        put(place, task);
    }

    private int nearestChild(int place) {
        int left = 2 * place + 1;
        int right = left + 1;
        return right < size && isRightBefore(left, right) ? right : left;
    }

    private boolean isRightBefore(int left, int right) {
        return moments[left] == moments[right] ? tasks[right].isBefore(tasks[left]) : moments[right] < moments[left];
    }

    private boolean isBefore(SimTask task, int place) {
        return task.moment() == moments[place] ? task.isBefore(tasks[place]) : task.moment() < moments[place];
    }

    private void put(int place, SimTask task) {
        moments[place] = task.moment();
        tasks[place] = task;
    }
}
