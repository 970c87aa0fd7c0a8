package dev.hivemind.dashboard.history;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One node, as others name it and as it answers. */
final class NodeHistory {

    static final int RATE_SECONDS = 5;
    static final int MAX_HOSTED = 1_024;
    static final int MAX_KNOWN = 64;

    private static final int MAX_ADDRESSES = 4;
    private static final int MAX_ADDRESS_CHARS = 80;

    /** What a node is for. */
    enum Role {
        SERVER,
        DHT,
        TRAINER;

        String told() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private final String id;
    private final long firstSeen;
    private final SlidingSum rows = new SlidingSum(RATE_SECONDS);
    private final SlidingSum failures = new SlidingSum(RATE_SECONDS);
    private final Set<String> hosted = new HashSet<>();
    private List<String> addresses = List.of();
    private List<String> known = List.of();
    private @Nullable Integer knows;
    private @Nullable Double roundTripMillis;
    private FeedState feed = FeedState.NONE;
    private Role role;
    private long lastSeen;
    private @Nullable Long unreachableSince;
    private @Nullable Long goneSince;
    private boolean leaving;

    NodeHistory(String id, Role role, long nowMillis) {
        this.id = id;
        this.role = role;
        this.firstSeen = nowMillis;
        this.lastSeen = nowMillis;
    }

    String id() {
        return id;
    }

    Role role() {
        return role;
    }

    void become(Role newRole) {
        role = newRole;
    }

    SlidingSum rows() {
        return rows;
    }

    SlidingSum failures() {
        return failures;
    }

    Set<String> hosted() {
        return hosted;
    }

    long firstSeen() {
        return firstSeen;
    }

    long lastSeen() {
        return lastSeen;
    }

    List<String> addresses() {
        return addresses;
    }

    List<String> known() {
        return known;
    }

    @Nullable Integer knows() {
        return knows;
    }

    @Nullable Double roundTripMillis() {
        return roundTripMillis;
    }

    FeedState feed() {
        return feed;
    }

    void feed(FeedState state) {
        feed = state;
    }

    void roundTrip(double millis) {
        roundTripMillis = Figures.told(millis);
    }

    void at(List<PeerAddress> told) {
        if (!told.isEmpty()) {
            addresses = told.stream()
                    .limit(MAX_ADDRESSES)
                    .map(address -> PlainText.of(address.toString(), MAX_ADDRESS_CHARS))
                    .toList();
        }
    }

    void names(List<String> others) {
        knows = others.size();
        known = List.copyOf(others.subList(0, Math.min(others.size(), MAX_KNOWN)));
    }

    /** It hosts an expert; nothing is remembered of more than it may host. */
    void hosts(String uid) {
        if (hosted.size() < MAX_HOSTED) {
            hosted.add(uid);
        }
        leaving = false;
    }

    /** It no longer hosts an expert. A node that gave up all of them is about to leave. */
    void removes(String uid) {
        leaving = (hosted.remove(uid) && hosted.isEmpty()) || leaving;
    }

    boolean isLeaving() {
        return leaving;
    }

    /** It answers; whether it did not before. */
    boolean seen(long nowMillis) {
        boolean back = unreachableSince != null || goneSince != null;
        lastSeen = nowMillis;
        unreachableSince = null;
        goneSince = null;
        return back;
    }

    boolean isGone() {
        return goneSince != null;
    }

    boolean isOutOfReach() {
        return unreachableSince != null || goneSince != null;
    }

    long outOfReachMillis(long nowMillis) {
        return unreachableSince == null ? 0 : nowMillis - unreachableSince;
    }

    long goneMillis(long nowMillis) {
        return goneSince == null ? 0 : nowMillis - goneSince;
    }

    void outOfReach(long nowMillis) {
        unreachableSince = nowMillis;
        feed = FeedState.NONE;
    }

    void gone(long nowMillis) {
        goneSince = nowMillis;
        feed = FeedState.NONE;
        hosted.clear();
        known = List.of();
    }
}
