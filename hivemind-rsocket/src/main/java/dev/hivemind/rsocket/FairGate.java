package dev.hivemind.rsocket;

import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Permits that are given first come, first served: whoever asks for many is not overtaken by those that ask for few.
 * Thread-safe. Whoever gives permits back lets others go on, on its thread.
 */
final class FairGate {

    private final long capacity;
    private final Set<Pass> waiting = new LinkedHashSet<>();
    private final Queue<Pass> admitted = new ConcurrentLinkedQueue<>();
    private final AtomicInteger tellers = new AtomicInteger();
    private long taken;

    FairGate(long capacity) {
        this.capacity = capacity;
    }

    /** Asks for so many permits. More than there are at all are given to one that is alone. */
    synchronized Pass enter(long permits) {
        var pass = new Pass(permits);
        if (waiting.isEmpty() && hasRoom(permits)) {
            pass.open();
        } else {
            waiting.add(pass);
        }
        return pass;
    }

    /** Permits that are given out. */
    synchronized long taken() {
        return taken;
    }

    private boolean hasRoom(long permits) {
        return taken == 0 || taken + permits <= capacity;
    }

    private void admit() {
        Iterator<Pass> queue = waiting.iterator();
        while (queue.hasNext()) {
            Pass next = queue.next();
            if (!hasRoom(next.permits)) {
                return;
            }
            queue.remove();
            next.open();
            admitted.add(next);
        }
    }

    /** One after another, on one thread at a time: who is let in may give permits back at once. */
    private void tellAdmitted() {
        if (admitted.isEmpty() || tellers.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            for (Pass next = admitted.poll(); next != null; next = admitted.poll()) {
                next.signal();
            }
            seen = tellers.addAndGet(-seen);
        } while (seen != 0);
    }

    private enum State {
        WAITING,
        OPEN,
        LEFT
    }

    /** The permits of one that asked, or its place in the queue. */
    final class Pass {

        private State state = State.WAITING;
        private long permits;
        private Sinks.@Nullable Empty<Void> opened;

        private Pass(long permits) {
            this.permits = permits;
        }

        private void open() {
            state = State.OPEN;
            taken += permits;
        }

        /** Completes when the permits are given; as a scalar if they are. Giving up is to {@link #leave}. */
        Mono<Void> opened() {
            synchronized (FairGate.this) {
                if (state == State.OPEN) {
                    return Mono.empty();
                }
                opened = opened == null ? Sinks.empty() : opened;
                return opened.asMono();
            }
        }

        private void signal() {
            Sinks.Empty<Void> asked;
            synchronized (FairGate.this) {
                asked = opened;
            }
            if (asked != null) {
                asked.tryEmitEmpty();
            }
        }

        /** Holds another number of permits from now on if they are there, or it is alone; says whether. */
        boolean tryChange(long now) {
            synchronized (FairGate.this) {
                long others = state == State.OPEN ? taken - permits : 0;
                if (others > 0 && others + now > capacity) {
                    return false;
                }
            }
            change(now);
            return true;
        }

        /** Holds another number of permits from now on, without waiting. */
        void change(long now) {
            synchronized (FairGate.this) {
                if (state == State.OPEN) {
                    taken += now - permits;
                }
                permits = now;
                admit();
            }
            tellAdmitted();
        }

        /** Gives the permits, or the place, back. Idempotent. */
        void leave() {
            synchronized (FairGate.this) {
                if (state == State.WAITING) {
                    waiting.remove(this);
                } else if (state == State.OPEN) {
                    taken -= permits;
                }
                state = State.LEFT;
                admit();
            }
            tellAdmitted();
        }
    }
}
