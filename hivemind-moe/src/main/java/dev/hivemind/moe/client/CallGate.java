package dev.hivemind.moe.client;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Lets calls go by, as many and of as many bytes as the limits allow, in the order in which they came: a large call is
 * not overtaken by small ones. Thread-safe. Who leaves tells those that may go then, on its thread.
 */
final class CallGate {

    private final ClientLimits limits;
    private final Set<Pass> waiting = new LinkedHashSet<>();
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

    private List<Pass> admitWaiting() {
        List<Pass> admitted = new ArrayList<>();
        Iterator<Pass> queue = waiting.iterator();
        while (queue.hasNext()) {
            Pass next = queue.next();
            if (!hasRoom(next.bytes)) {
                break;
            }
            queue.remove();
            next.admit();
            admitted.add(next);
        }
        return admitted;
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
            for (Pass next : withdraw()) {
                next.opened.tryEmitEmpty();
            }
        }

        private List<Pass> withdraw() {
            synchronized (CallGate.this) {
                if (left) {
                    return List.of();
                }
                left = true;
                if (admitted) {
                    CallGate.this.calls--;
                    CallGate.this.bytes -= bytes;
                } else {
                    waiting.remove(this);
                }
                return admitWaiting();
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
