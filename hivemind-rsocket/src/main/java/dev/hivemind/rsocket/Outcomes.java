package dev.hivemind.rsocket;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The calls that have ended, the latest of them with their outcome. Bounded in bytes and in calls; what ended first is
 * given up first, and the outcome of a call before the knowledge that it has ended. Guarded by the lock of its user.
 */
final class Outcomes {

    private final long maxBytes;
    private final int maxCalls;
    private final Set<CallKey> ended = new LinkedHashSet<>();
    private final Map<CallKey, Outcome> kept = new LinkedHashMap<>();
    private long bytes;

    Outcomes(long maxBytes, int maxCalls) {
        this.maxBytes = maxBytes;
        this.maxCalls = maxCalls;
    }

    boolean hasEnded(CallKey call) {
        return ended.contains(call);
    }

    /** How a call ended, still owned by this; null if it did not, or if that was given up. */
    @Nullable Outcome find(CallKey call) {
        return kept.get(call);
    }

    /** Takes over the outcome of a call that ends now. */
    void add(CallKey call, Outcome outcome) {
        ended.add(call);
        if (outcome.weight() > maxBytes) {
            outcome.release();
        } else {
            kept.put(call, outcome);
            bytes += outcome.weight();
        }
        while (bytes > maxBytes) {
            giveUp(eldest(kept.keySet()));
        }
        while (ended.size() > maxCalls) {
            CallKey eldest = eldest(ended);
            ended.remove(eldest);
            giveUp(eldest);
        }
    }

    private static CallKey eldest(Set<CallKey> calls) {
        Iterator<CallKey> eldestFirst = calls.iterator();
        return eldestFirst.next();
    }

    private void giveUp(CallKey call) {
        Outcome outcome = kept.remove(call);
        if (outcome != null) {
            bytes -= outcome.weight();
            outcome.release();
        }
    }

    /** Bytes that the kept outcomes take. */
    long bytes() {
        return bytes;
    }

    /** Gives up everything. */
    void clear() {
        kept.values().forEach(Outcome::release);
        kept.clear();
        ended.clear();
        bytes = 0;
    }
}
