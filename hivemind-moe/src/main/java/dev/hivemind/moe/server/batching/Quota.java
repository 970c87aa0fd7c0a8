package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.identity.PeerId;
import java.util.HashMap;
import java.util.Map;

/**
 * A bounded amount of something that callers share.
 *
 * <p>A caller that has some already gets more only up to as much as is free. One caller alone so comes to half of the
 * limit, two to a third each, and there is always room for one more. Guarded by the lock of {@link WaitingTasks}.
 */
final class Quota {

    private final long limit;
    private final Map<PeerId, Long> byCaller = new HashMap<>();
    private long used;

    Quota(long limit) {
        this.limit = limit;
    }

    /** Whether there is room for so much, and it is not beyond the caller's share. */
    boolean admits(PeerId caller, long amount) {
        return used == 0 || (amount <= limit - used && !isBeyondShare(caller, amount));
    }

    /**
     * Whether a caller has some already and is not to have so much more now, whatever the room. Anything fits into an
     * untouched quota.
     */
    boolean isBeyondShare(PeerId caller, long amount) {
        long own = usedBy(caller);
        return own > 0 && own + amount > limit - used;
    }

    void add(PeerId caller, long amount) {
        byCaller.merge(caller, amount, Long::sum);
        used += amount;
    }

    void remove(PeerId caller, long amount) {
        byCaller.computeIfPresent(caller, (key, own) -> own > amount ? own - amount : null);
        used -= amount;
    }

    long used() {
        return used;
    }

    long usedBy(PeerId caller) {
        return byCaller.getOrDefault(caller, 0L);
    }

    /**
     * What others use, as far as they go before a caller that takes turns with them.
     *
     * @param own what the caller has itself then
     */
    long usedBefore(PeerId caller, long own) {
        long before = 0;
        for (Map.Entry<PeerId, Long> entry : byCaller.entrySet()) {
            before += entry.getKey().equals(caller) ? entry.getValue() : Math.min(entry.getValue(), own);
        }
        return before;
    }
}
