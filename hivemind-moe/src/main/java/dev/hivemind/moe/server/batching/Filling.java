package dev.hivemind.moe.server.batching;

import java.util.ArrayList;
import java.util.List;

/** A batch while it is formed, with the tasks found too late for it. */
final class Filling {

    private final long now;
    private final List<Task> taken = new ArrayList<>();
    private final List<Task> expired = new ArrayList<>();
    private int room;

    Filling(int maxRows, long now) {
        this.room = maxRows;
        this.now = now;
    }

    boolean hasRoom() {
        return room > 0;
    }

    /** Takes a task over; false if it has to wait for another batch. */
    boolean take(Task task) {
        if (task.isExpired(now)) {
            expired.add(task);
            return true;
        }
        if (task.rows() > room) {
            return false;
        }
        room -= task.rows();
        taken.add(task);
        return true;
    }

    /** The batch, in the order of its rows. */
    List<Task> taken() {
        return taken;
    }

    /** Those whose deadline has passed; they are out of the queue as well. */
    List<Task> expired() {
        return expired;
    }
}
