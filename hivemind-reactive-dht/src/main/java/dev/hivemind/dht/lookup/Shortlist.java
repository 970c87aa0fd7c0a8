package dev.hivemind.dht.lookup;

import dev.hivemind.dht.lookup.Candidate.State;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The peers that a lookup knows of, nearest to its target first; the farthest are forgotten when there are too many. */
final class Shortlist {

    /** A lookup with a width of 20 knows of a hundred peers at its end. */
    private static final int MAX_CANDIDATES = 1_024;

    private final NodeId target;
    private final NodeId self;
    private final int width;
    private int confirmations;
    private final List<Candidate> nearestFirst = new ArrayList<>();

    /**
     * @param self the asking node, which is never a candidate
     * @param width how many of the nearest matter
     * @param confirmations how many of them have to answer
     */
    Shortlist(NodeId target, NodeId self, int width, int confirmations) {
        this.target = target;
        this.self = self;
        this.width = width;
        this.confirmations = confirmations;
    }

    /** Adds a peer, unless it is known or too far. */
    void add(Contact contact, int hop) {
        if (contact.id().equals(self) || contact.isClientOnly()) {
            return;
        }
        int place = place(contact.id());
        if (place < 0) {
            nearestFirst.add(-place - 1, new Candidate(contact, hop));
            forgetFarthest();
        }
    }

    /** Where a peer stands or, below zero, -1 less where it would. */
    private int place(NodeId id) {
        int low = 0;
        int high = nearestFirst.size() - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int order =
                    target.compareDistance(nearestFirst.get(middle).contact().id(), id);
            if (order == 0) {
                return middle;
            } else if (order < 0) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -low - 1;
    }

    private void forgetFarthest() {
        int last = nearestFirst.size() - 1;
        if (last >= MAX_CANDIDATES && nearestFirst.get(last).is(State.NEW)) {
            nearestFirst.remove(last);
        }
    }

    @Nullable Candidate get(NodeId id) {
        int place = place(id);
        return place < 0 ? null : nearestFirst.get(place);
    }

    /** The nearest peer not yet asked, if it is among the nearest hopeful ones that have to answer. */
    @Nullable Candidate next() {
        int hopeful = 0;
        for (Candidate candidate : nearestFirst) {
            if (candidate.is(State.NEW)) {
                return candidate;
            } else if (candidate.isHopeful() && ++hopeful >= confirmations) {
                return null;
            }
        }
        return null;
    }

    /** The peer with this id if it was not yet asked and is among the nearest hopeful ones, or null. */
    @Nullable Candidate promising(NodeId id) {
        Candidate sought = get(id);
        if (sought == null || !sought.is(State.NEW)) {
            return null;
        }
        int hopeful = 0;
        for (Candidate candidate : nearestFirst) {
            if (candidate == sought) {
                return sought;
            } else if (candidate.isHopeful() && ++hopeful >= width) {
                return null;
            }
        }
        return null;
    }

    /** Adds those that are nearer than the farthest of the nearest hopeful ones, or all if there are too few of these. */
    void addNear(Collection<Contact> contacts, int hop) {
        NodeId farthest = farthestHopeful();
        for (Contact contact : contacts) {
            if (farthest == null || target.compareDistance(contact.id(), farthest) < 0) {
                add(contact, hop);
            }
        }
    }

    private @Nullable NodeId farthestHopeful() {
        int hopeful = 0;
        for (Candidate candidate : nearestFirst) {
            if (candidate.isHopeful() && ++hopeful >= width) {
                return candidate.contact().id();
            }
        }
        return null;
    }

    /** Whether so many of the nearest hopeful peers have answered as have to. */
    boolean isSettled() {
        int hopeful = 0;
        for (Candidate candidate : nearestFirst) {
            if (candidate.is(State.NEW) || candidate.is(State.ASKED)) {
                return false;
            } else if (candidate.is(State.ANSWERED) && ++hopeful >= confirmations) {
                return true;
            }
        }
        return true;
    }

    /** From now on, all of the nearest have to answer. */
    void requireAll() {
        confirmations = width;
    }

    /** Whether as many have answered as have to, however far they are. */
    boolean isConfirmed() {
        int answered = 0;
        for (Candidate candidate : nearestFirst) {
            if (candidate.is(State.ANSWERED) && ++answered >= confirmations) {
                return true;
            }
        }
        return false;
    }

    /** The nearest peers that answered or, where not all have to, may do so. */
    List<Candidate> nearest() {
        List<Candidate> nearest = new ArrayList<>(width);
        for (Candidate candidate : nearestFirst) {
            if (candidate.is(State.ANSWERED) || (confirmations < width && candidate.isHopeful())) {
                nearest.add(candidate);
                if (nearest.size() >= width) {
                    break;
                }
            }
        }
        return nearest;
    }

    /** Those past the soft timeout. */
    List<Candidate> slow() {
        List<Candidate> slow = new ArrayList<>();
        for (Candidate candidate : nearestFirst) {
            if (candidate.is(State.SLOW)) {
                slow.add(candidate);
            }
        }
        return slow;
    }
}
