package dev.hivemind.dashboard.history;

import dev.hivemind.dht.expert.ExpertUid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The experts of the swarm, and the sizes of their grids. */
final class Experts {

    static final int MAX_EXPERTS = 4_096;

    /** For how long an expert without owners is still shown. */
    static final long SHOWN_MILLIS = 60_000;

    private static final int MAX_GRIDS = 64;
    private static final int MAX_DIMENSIONS = 8;
    private static final int MAX_GRID_CHARS = 256;
    private static final Pattern RANGE = Pattern.compile("\\.\\[0:([1-9][0-9]{0,8})]");

    private final Map<String, ExpertHistory> experts = new LinkedHashMap<>();
    private final Map<GridKey, List<Integer>> sizes = new LinkedHashMap<>();

    /** Experts whose uids have the same name and as many coordinates. */
    record GridKey(String prefix, int dimensions) {

        static GridKey of(ExpertUid uid) {
            String value = uid.value();
            return new GridKey(
                    value.substring(0, value.indexOf('.')), uid.coordinates().size());
        }
    }

    @Nullable ExpertHistory find(String uid) {
        return experts.get(uid);
    }

    Collection<ExpertHistory> all() {
        return experts.values();
    }

    /** The expert of a uid that somebody tells of; null if it is malformed, or there are too many. */
    @Nullable ExpertHistory findOrAdd(String uid) {
        ExpertHistory known = experts.get(uid);
        if (known != null) {
            return known;
        }
        ExpertUid parsed = parse(uid);
        if (parsed == null
                || experts.size() >= MAX_EXPERTS
                || GridKey.of(parsed).dimensions() > MAX_DIMENSIONS) {
            return null;
        }
        var expert = new ExpertHistory(parsed);
        experts.put(uid, expert);
        return expert;
    }

    private static @Nullable ExpertUid parse(String uid) {
        try {
            return new ExpertUid(uid);
        } catch (IllegalArgumentException malformed) {
            return null;
        }
    }

    /** A trainer describes its grid, such as {@code ffn.[0:4].[0:4]}. */
    void sized(String grid) {
        int name = grid.indexOf(".[");
        if (name <= 0 || grid.length() > MAX_GRID_CHARS) {
            return;
        }
        List<Integer> ranges = new ArrayList<>();
        Matcher range = RANGE.matcher(grid).region(name, grid.length());
        while (range.lookingAt()) {
            ranges.add(Integer.parseInt(range.group(1)));
            range.region(range.end(), grid.length());
        }
        var key = new GridKey(grid.substring(0, name), ranges.size());
        if (isTooLarge(ranges)) {
            return;
        }
        if (range.regionStart() == grid.length() && (sizes.size() < MAX_GRIDS || sizes.containsKey(key))) {
            sizes.put(key, List.copyOf(ranges));
        }
    }

    /** Whether a grid of this size has more places than there are experts to show. */
    static boolean isTooLarge(List<Integer> dimensions) {
        long places = 1;
        for (int dimension : dimensions) {
            places *= dimension;
            if (places > MAX_EXPERTS) {
                return true;
            }
        }
        return false;
    }

    /** What trainers say of the size of a grid; empty if they say nothing. */
    List<Integer> size(GridKey key) {
        return sizes.getOrDefault(key, List.of());
    }

    /** A node has left without a word. */
    void lost(String node) {
        experts.values().forEach(expert -> expert.lost(node));
    }

    /** A node has come, or come back. */
    void back(String node) {
        experts.values().forEach(expert -> expert.back(node));
    }

    /** The DHT cannot be asked any more. */
    void undeclared() {
        experts.values().forEach(ExpertHistory::undeclared);
    }

    /** Lets time pass; experts without owners are forgotten after a while. */
    void moveTo(long now) {
        experts.values().removeIf(expert -> expert.withoutOwnerMillis(now) >= SHOWN_MILLIS);
    }
}
