package dev.hivemind.dashboard.history;

import dev.hivemind.dht.expert.ExpertStatus;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.events.proto.BatchEventMessage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** One expert, as the DHT, its servers and its callers tell of it. */
final class ExpertHistory {

    static final int USAGE_SECONDS = 10;

    private static final int MAX_OWNERS = 16;
    private static final double MICROS_PER_MILLI = 1e3;

    private final ExpertUid uid;
    private final SlidingSum rows = new SlidingSum(NodeHistory.RATE_SECONDS);
    private final SlidingSum batches = new SlidingSum(NodeHistory.RATE_SECONDS);
    private final SlidingSum waitedMicros = new SlidingSum(NodeHistory.RATE_SECONDS);
    private final SlidingSum computedMicros = new SlidingSum(NodeHistory.RATE_SECONDS);
    private final SlidingSum recentFailures = new SlidingSum(NodeHistory.RATE_SECONDS);
    private final SlidingSum recentRejections = new SlidingSum(NodeHistory.RATE_SECONDS);
    private final SlidingSum usedRows = new SlidingSum(USAGE_SECONDS);
    private final Map<String, Owner> owners = new LinkedHashMap<>();
    private boolean trainable;
    private long failures;
    private long rejections;
    private long updates;
    private @Nullable Long goneSince;

    /**
     * @param declared what the DHT says, if it does
     * @param hosting whether the owner itself says that it hosts the expert
     * @param lost whether it has left without a word, so that what the DHT says is out of date
     */
    private record Owner(@Nullable ExpertStatus declared, boolean hosting, boolean lost) {}

    ExpertHistory(ExpertUid uid) {
        this.uid = uid;
    }

    ExpertUid uid() {
        return uid;
    }

    void declared(String node, ExpertStatus status) {
        Owner owner = owners.get(node);
        put(node, new Owner(status, owner != null && owner.hosting(), false));
        trainable = status.trainable();
    }

    void withdrawn(String node) {
        Owner owner = owners.get(node);
        if (owner != null && owner.hosting()) {
            owners.put(node, new Owner(null, true, owner.lost()));
        } else {
            owners.remove(node);
        }
    }

    void hosted(String node) {
        Owner owner = owners.get(node);
        put(node, new Owner(owner == null ? null : owner.declared(), true, false));
    }

    /** It has left without a word: what it said of itself counts no more. */
    void lost(String node) {
        Owner owner = owners.get(node);
        if (owner != null && owner.declared() != null) {
            owners.put(node, new Owner(owner.declared(), false, true));
        } else {
            owners.remove(node);
        }
    }

    /** It has come back. */
    void back(String node) {
        Owner owner = owners.get(node);
        if (owner != null && owner.lost()) {
            owners.put(node, new Owner(owner.declared(), owner.hosting(), false));
        }
    }

    /** The DHT cannot be asked any more. */
    void undeclared() {
        List.copyOf(owners.keySet()).forEach(this::withdrawn);
    }

    /** It says that it hosts it no more; what the DHT says is older. */
    void removed(String node) {
        owners.remove(node);
    }

    private void put(String node, Owner owner) {
        if (owners.size() < MAX_OWNERS || owners.containsKey(node)) {
            owners.put(node, owner);
        }
    }

    boolean isOwnedBy(String node) {
        return owners.containsKey(node);
    }

    List<String> owners() {
        return List.copyOf(owners.keySet());
    }

    boolean isTrainable() {
        return trainable;
    }

    void batch(long now, BatchEventMessage batch, boolean backward) {
        rows.add(now, Integer.toUnsignedLong(batch.getRows()));
        batches.add(now, 1);
        waitedMicros.add(now, Math.max(0, batch.getWaitedMicros()));
        computedMicros.add(now, Math.max(0, batch.getComputedMicros()));
        if (backward) {
            updates++;
        }
    }

    void failed(long now, long calls) {
        failures += calls;
        recentFailures.add(now, calls);
    }

    void rejected(long now, long calls) {
        rejections += calls;
        recentRejections.add(now, calls);
    }

    void used(long now, long chosenRows) {
        usedRows.add(now, chosenRows);
    }

    double usedRows(long now) {
        return usedRows.sum(now);
    }

    double rowsPerSecond(long now) {
        return Figures.rounded(rows.perSecond(now));
    }

    @Nullable Double queueMillis(long now) {
        return mean(now, waitedMicros);
    }

    @Nullable Double computeMillis(long now) {
        return mean(now, computedMicros);
    }

    private @Nullable Double mean(long now, SlidingSum micros) {
        double count = batches.sum(now);
        return count == 0 ? null : Figures.told(micros.sum(now) / count / MICROS_PER_MILLI);
    }

    double failuresPerSecond(long now) {
        return Figures.rounded(recentFailures.perSecond(now));
    }

    double rejectionsPerSecond(long now) {
        return Figures.rounded(recentRejections.perSecond(now));
    }

    long failures() {
        return failures;
    }

    long rejections() {
        return rejections;
    }

    long updates() {
        return updates;
    }

    /** The load of a node that it tells with this expert. */
    @Nullable Double load(String node) {
        Owner owner = owners.get(node);
        return owner == null || owner.declared() == null
                ? null
                : (double) owner.declared().load();
    }

    /** What an owner says of it: whoever says nothing takes calls. */
    ExpertStatus.@Nullable State state(String node) {
        Owner owner = owners.get(node);
        if (owner == null || owner.lost()) {
            return null;
        }
        return owner.declared() == null
                ? ExpertStatus.State.ONLINE
                : owner.declared().state();
    }

    /** The best that any owner in reach says; gone without one. */
    String state(Predicate<String> inReach) {
        return owners.keySet().stream()
                .filter(inReach)
                .map(this::state)
                .filter(state -> state != null)
                .min(ExpertStatus.State::compareTo)
                .map(state -> state.name().toLowerCase(Locale.ROOT))
                .orElse("gone");
    }

    /** Notes whether it has owners; for how long it has had none. */
    long withoutOwnerMillis(long now) {
        if (!owners.isEmpty()) {
            goneSince = null;
            return 0;
        }
        if (goneSince == null) {
            goneSince = now;
        }
        return now - goneSince;
    }
}
