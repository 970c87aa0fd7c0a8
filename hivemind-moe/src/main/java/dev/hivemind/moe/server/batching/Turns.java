package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.identity.PeerId;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Tasks whose callers take turns, one task a turn; the tasks of one caller keep their order. Guarded by the lock of
 * {@link WaitingTasks}.
 */
final class Turns {

    /** Of every caller its tasks; the first caller has the next turn. */
    private Map<PeerId, Set<Task>> turns = new LinkedHashMap<>();

    void add(Task task) {
        turns.computeIfAbsent(task.caller(), caller -> new LinkedHashSet<>()).add(task);
    }

    /** Takes a task out, if it is here. */
    boolean remove(Task task) {
        Set<Task> own = turns.getOrDefault(task.caller(), Set.of());
        boolean removed = !own.isEmpty() && own.remove(task);
        if (removed && own.isEmpty()) {
            turns.remove(task.caller());
        }
        return removed;
    }

    boolean isEmpty() {
        return turns.isEmpty();
    }

    /** What is done with an offered task. */
    enum Answer {
        /** It is out, and its caller's turn is over. */
        TAKEN,
        /** Its caller has no turn now, but the first one next time. */
        PASSED_OVER,
        /** Nothing more is wanted, and its caller has the next turn. */
        ENOUGH
    }

    /** Offers the next task again and again, until there is none, or enough. */
    void offer(Function<Task, Answer> taker) {
        Map<PeerId, Set<Task>> passedOver = new LinkedHashMap<>();
        boolean goesOn = true;
        while (goesOn && !turns.isEmpty()) {
            goesOn = offerNext(taker, passedOver);
        }
        if (!passedOver.isEmpty()) {
            passedOver.putAll(turns);
            turns = passedOver;
        }
    }

    private boolean offerNext(Function<Task, Answer> taker, Map<PeerId, Set<Task>> passedOver) {
        Map.Entry<PeerId, Set<Task>> first = turns.entrySet().iterator().next();
        PeerId caller = first.getKey();
        Set<Task> own = first.getValue();
        Task next = own.iterator().next();
        Answer answer = taker.apply(next);
        if (answer == Answer.TAKEN) {
            turns.remove(caller);
            own.remove(next);
            if (!own.isEmpty()) {
                turns.put(caller, own);
            }
        } else if (answer == Answer.PASSED_OVER) {
            passedOver.put(caller, own);
            turns.remove(caller);
        }
        return answer != Answer.ENOUGH;
    }
}
