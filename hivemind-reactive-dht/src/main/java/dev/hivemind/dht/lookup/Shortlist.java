package dev.hivemind.dht.lookup;

import dev.hivemind.dht.lookup.Candidate.State;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The peers that a lookup knows of, nearest to its target first; the farthest are forgotten when there are too many. */
final class Shortlist {

    /** A lookup with a width of 20 knows of a hundred peers at its end. */
    private static final int MAX_CANDIDATES = 1_024;

    private final NodeId target;
    private final NodeId self;
    private final int width;
    private final TreeMap<NodeId, Candidate> byDistance = new TreeMap<>();

    /**
     * @param self the asking node, which is never a candidate
     * @param width how many of the nearest matter
     */
    Shortlist(NodeId target, NodeId self, int width) {
        this.target = target;
        this.self = self;
        this.width = width;
    }

    /** Adds a peer, unless it is known or too far. */
    void add(Contact contact, int hop) {
        if (contact.id().equals(self) || contact.isClientOnly()) {
            return;
        }
        byDistance.putIfAbsent(target.distance(contact.id()), new Candidate(contact, hop));
        if (byDistance.size() > MAX_CANDIDATES) {
            forgetFarthest();
        }
    }

    private void forgetFarthest() {
        Map.Entry<NodeId, Candidate> farthest = byDistance.lastEntry();
        if (farthest.getValue().is(State.NEW)) {
            byDistance.remove(farthest.getKey());
        }
    }

    @Nullable Candidate get(NodeId id) {
        return byDistance.get(target.distance(id));
    }

    /** The nearest peer not yet asked, if it is among the nearest hopeful ones. */
    @Nullable Candidate next() {
        return nearestHopeful()
                .filter(candidate -> candidate.is(State.NEW))
                .findFirst()
                .orElse(null);
    }

    /** Whether all of the nearest hopeful peers have answered. */
    boolean isSettled() {
        return nearestHopeful().allMatch(candidate -> candidate.is(State.ANSWERED));
    }

    private Stream<Candidate> nearestHopeful() {
        return byDistance.values().stream().filter(Candidate::isHopeful).limit(width);
    }

    /** The nearest peers that answered. */
    List<Candidate> nearestAnswered() {
        return byDistance.values().stream()
                .filter(candidate -> candidate.is(State.ANSWERED))
                .limit(width)
                .toList();
    }

    boolean hasSlow() {
        return slow().findAny().isPresent();
    }

    Stream<Candidate> slow() {
        return byDistance.values().stream().filter(candidate -> candidate.is(State.SLOW));
    }
}
