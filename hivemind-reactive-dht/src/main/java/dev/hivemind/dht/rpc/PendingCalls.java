package dev.hivemind.dht.rpc;

import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.rsocket.error.OverloadedException;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Mono;

/** Bounds how many calls wait here, in all and for each caller, so that one caller cannot crowd the others out. Thread-safe. */
final class PendingCalls {

    private static final Duration RETRY_AFTER = Duration.ofMillis(100);

    private final int max;
    private final int maxPerCaller;
    private final AtomicInteger all = new AtomicInteger();

    /** Holds no more callers than there are calls. */
    private final ConcurrentMap<NodeId, Integer> byCaller = new ConcurrentHashMap<>();

    PendingCalls(int max, int maxPerCaller) {
        this.max = max;
        this.maxPerCaller = maxPerCaller;
    }

    /** Passes a call on if there is room for it, and fails with an {@link OverloadedException} otherwise. */
    <T> Mono<T> admit(NodeId caller, Mono<T> call) {
        return Mono.defer(() -> {
            if (!enter(caller)) {
                return Mono.error(new OverloadedException("Too many DHT calls wait here", RETRY_AFTER));
            }
            return call.doFinally(signal -> leave(caller));
        });
    }

    private boolean enter(NodeId caller) {
        boolean full = all.incrementAndGet() > max;
        boolean fullForCaller = byCaller.merge(caller, 1, Integer::sum) > maxPerCaller;
        if (full || fullForCaller) {
            leave(caller);
            return false;
        }
        return true;
    }

    private void leave(NodeId caller) {
        all.decrementAndGet();
        byCaller.computeIfPresent(caller, (id, calls) -> calls == 1 ? null : calls - 1);
    }

    /** How many callers have calls that wait. */
    int callers() {
        return byCaller.size();
    }
}
