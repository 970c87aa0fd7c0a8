package dev.hivemind.moe.client;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Queue;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Lets calls go by, as many and of as many bytes as the limits allow, in the order in which they came: a large call is
 * not overtaken by small ones. Thread-safe. Who leaves tells those that may go then, on its thread; whoever leaves while
 * somebody is being told, perhaps because he leaves at once, has the same thread tell the others.
 */
final class CallGate {

    private final ClientLimits limits;
    private final Set<Pass> waiting = new LinkedHashSet<>();
    private final Queue<Pass> admitted = new ArrayDeque<>();
    private boolean telling;
    private int calls;
    private long bytes;

    CallGate(ClientLimits limits) {
        this.limits = limits;
    }

    /** The place of a call. Whoever asks for it leaves it. */
    synchronized Pass enter(long callBytes) {
        var pass = new Pass(callBytes);
        if (waiting.isEmpty() && hasRoom(callBytes)) {
            pass.admit();
        } else {
            waiting.add(pass);
        }
        return pass;
    }

    /** Calls that wait. */
    synchronized int waiting() {
        return waiting.size();
    }

    /** Calls that have gone by and not left. */
    synchronized int underWay() {
        return calls;
    }

    private boolean hasRoom(long callBytes) {
        return calls == 0 || (calls < limits.maxCalls() && callBytes <= limits.maxBytes() - bytes);
    }

    private void admitWaiting() {
        Iterator<Pass> queue = waiting.iterator();
        while (queue.hasNext()) {
            Pass next = queue.next();
            if (!hasRoom(next.bytes)) {
                return;
            }
            queue.remove();
            next.admit();
            admitted.add(next);
        }
    }

    /** One thread at a time, so that calls that end as soon as they may go do not pile up on its stack. */
    private void tellAdmitted() {
        if (!beginTelling()) {
            return;
        }
        Pass next = nextToTell();
        while (next != null) {
            next.opened.tryEmitEmpty();
            next = nextToTell();
        }
    }

    private synchronized boolean beginTelling() {
        boolean begins = !telling && !admitted.isEmpty();
        telling |= begins;
        return begins;
    }

    private synchronized @Nullable Pass nextToTell() {
        Pass next = admitted.poll();
        telling = next != null;
        return next;
    }

    /** Where a call is: before the gate, behind it, or gone. */
    final class Pass {

        private final long bytes;
        private final Sinks.Empty<Void> opened = Sinks.empty();
        private boolean admitted;
        private boolean left;

        private Pass(long bytes) {
            this.bytes = bytes;
        }

        private void admit() {
            admitted = true;
            CallGate.this.calls++;
            CallGate.this.bytes += bytes;
        }

        boolean isOpen() {
            synchronized (CallGate.this) {
                return admitted;
            }
        }

        /** Completes when the call may go. */
        Mono<Void> opened() {
            return isOpen() ? Mono.empty() : opened.asMono();
        }

        /** Idempotent. */
        void leave() {
            withdraw();
            tellAdmitted();
        }

        private void withdraw() {
            synchronized (CallGate.this) {
                if (left) {
                    return;
                }
                left = true;
                if (admitted) {
                    CallGate.this.calls--;
                    CallGate.this.bytes -= bytes;
                } else {
                    waiting.remove(this);
                }
                admitWaiting();
            }
        }
    }

    /** Leaves a place that was perhaps never taken. */
    static void leave(@Nullable Pass pass) {
        if (pass != null) {
            pass.leave();
        }
    }
}
