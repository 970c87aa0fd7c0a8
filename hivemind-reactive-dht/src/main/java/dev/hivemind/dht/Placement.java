package dev.hivemind.dht;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.PutResult;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Some records of one key on their way to the peers that ought to keep them: as many peers at once as copies are missing,
 * nearest first, until there are enough copies or no more peers. Confined to the node's loop.
 */
final class Placement {

    /**
     * A peer that keeps something newer is where the record ought to be, and another peer would not do better; what one
     * refuses does not spread the rest to ever more peers.
     */
    private static final Set<PutResult> KEEPS = EnumSet.of(PutResult.STORED, PutResult.STALE, PutResult.CROWDED);

    private final List<DhtRecord> records;
    private final List<Map<PutResult, Integer>> tallies = new ArrayList<>();
    private final Queue<Contact> candidates = new ArrayDeque<>();
    private final Set<NodeId> known = new HashSet<>();
    private final int replicas;
    private int taken;
    private int inFlight;
    private int slow;
    private boolean silence;
    private Search search = Search.NOT_YET;
    private boolean acknowledged;

    /** Whether peers were looked for once more. */
    private enum Search {
        NOT_YET,
        UNDER_WAY,
        DONE
    }

    /**
     * @param records at least one, no more than one request carries
     * @param nearestFirst who may keep them
     * @param replicas copies that are wanted
     */
    Placement(List<DhtRecord> records, List<Contact> nearestFirst, int replicas) {
        this.records = List.copyOf(records);
        this.replicas = replicas;
        add(nearestFirst);
        records.forEach(record -> tallies.add(new EnumMap<>(PutResult.class)));
    }

    private void add(List<Contact> nearestFirst) {
        for (Contact contact : nearestFirst) {
            if (known.add(contact.id())) {
                candidates.add(contact);
            }
        }
    }

    DhtKey key() {
        return records.get(0).key();
    }

    List<DhtRecord> records() {
        return records;
    }

    int sizeBytes() {
        return records.stream().mapToInt(DhtRecord::sizeBytes).sum();
    }

    /** Whom to send the records now, or null; the peer counts as asked. */
    @Nullable Contact next() {
        if (candidates.isEmpty() || !lacksCopies()) {
            return null;
        }
        inFlight++;
        return candidates.poll();
    }

    private boolean lacksCopies() {
        return taken + inFlight - slow < replicas;
    }

    /**
     * Whether to look for peers once more: there are too few copies, and too few peers because some were silent, so that
     * whoever named them knew too little, or lied. Once.
     */
    boolean beginsSearch() {
        boolean now = search == Search.NOT_YET && silence && candidates.isEmpty() && lacksCopies();
        if (now) {
            search = Search.UNDER_WAY;
        }
        return now;
    }

    /** What came of the search. */
    void found(List<Contact> nearestFirst) {
        search = Search.DONE;
        add(nearestFirst);
    }

    /** A peer is silent for so long that another is sent the records as well. */
    void slow() {
        slow++;
        silence = true;
    }

    /** A peer answered, with one result for each record; {@code wasSlow} if it was told to be before. */
    void answered(List<PutResult> results, boolean wasSlow) {
        leaveFlight(wasSlow);
        for (int i = 0; i < records.size(); i++) {
            tallies.get(i).merge(results.get(i), 1, Integer::sum);
        }
        if (results.stream().anyMatch(KEEPS::contains)) {
            taken++;
        }
    }

    /** A peer did not answer; {@code wasSlow} if it was told to be before. */
    void unanswered(boolean wasSlow) {
        silence = true;
        leaveFlight(wasSlow);
    }

    private void leaveFlight(boolean wasSlow) {
        inFlight--;
        if (wasSlow) {
            slow--;
        }
    }

    /** Whether nothing is left to do or to wait for. */
    boolean isSettled() {
        return inFlight == 0 && search != Search.UNDER_WAY && (taken >= replicas || candidates.isEmpty());
    }

    /** Whether the caller is to be told now: there are so many copies, or there will be no more. Once. */
    boolean acknowledges(int copies) {
        boolean now = !acknowledged && (taken >= copies || isSettled());
        acknowledged |= now;
        return now;
    }

    boolean isAcknowledged() {
        return acknowledged;
    }

    /** What became of each record so far. */
    List<StoreReceipt> receipts() {
        List<StoreReceipt> receipts = new ArrayList<>();
        for (int i = 0; i < records.size(); i++) {
            Map<PutResult, Integer> tally = tallies.get(i);
            int answers = tally.values().stream().mapToInt(Integer::intValue).sum();
            int stored = tally.getOrDefault(PutResult.STORED, 0);
            int stale = tally.getOrDefault(PutResult.STALE, 0);
            int crowded = tally.getOrDefault(PutResult.CROWDED, 0);
            receipts.add(new StoreReceipt(records.get(i), stored, stale, crowded, answers - stored - stale - crowded));
        }
        return receipts;
    }
}
