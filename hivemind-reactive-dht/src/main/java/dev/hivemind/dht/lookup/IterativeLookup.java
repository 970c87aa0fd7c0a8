package dev.hivemind.dht.lookup;

import dev.hivemind.dht.lookup.Candidate.State;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.FindResult;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.Lifetimes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Kademlia's lookup as a state machine: answers and timeouts in, peers to ask out.
 *
 * <p>At most {@code alpha} peers are asked at once, always the nearest known. A peer past the soft timeout frees its
 * slot, every second one adds another, and it no longer holds the lookup up, but may still answer. The lookup ends when as
 * many of the nearest peers have answered as have to confirm, or fewer if there are no more; or when the value found is good
 * enough. One silent peer, and all of the {@code width} nearest have to confirm. No threads, clocks or I/O: the owner calls
 * {@link #next()} after every event and sends what it returns.
 */
final class IterativeLookup {

    /** A bound for peers that keep inventing nearer ones; a width of 20 takes 25 to 50 messages. */
    private static final int MAX_MESSAGES = 512;

    /** To how many concurrent requests a lookup goes up that meets silence. */
    private static final int MAX_ALPHA = 10;

    private final LookupRequest request;
    private final int alpha;
    private final Lifetimes lifetimes;
    private final Shortlist shortlist;
    private @Nullable DhtValue value;
    private @Nullable Contact nearestWithout;
    private boolean ended;
    private int inFlight;
    private int messages;
    private int answers;
    private int failures;
    private int timeouts;

    IterativeLookup(LookupRequest request, NodeId self, List<Contact> seeds, int alpha, Lifetimes lifetimes) {
        this.request = request;
        this.alpha = alpha;
        this.lifetimes = lifetimes;
        this.value = request.known();
        this.shortlist = new Shortlist(request.target(), self, request.width(), request.confirmations());
        seeds.forEach(seed -> shortlist.add(seed, 1));
    }

    /** The peers to ask now; they count as asked. */
    List<Contact> next() {
        List<Contact> toAsk = new ArrayList<>();
        while (inFlight < slots() && messages < MAX_MESSAGES && !request.isSatisfiedBy(value)) {
            Candidate candidate = shortlist.next();
            if (candidate == null) {
                break;
            }
            ask(candidate);
            toAsk.add(candidate.contact());
        }
        return toAsk;
    }

    private void ask(Candidate candidate) {
        candidate.state(State.ASKED);
        inFlight++;
        messages++;
    }

    /**
     * A peer is going to be asked for another lookup: whether it is to be asked for this one as well, beyond its pace. It
     * counts as asked then.
     */
    boolean joins(NodeId id) {
        Candidate candidate = ended || messages >= MAX_MESSAGES ? null : shortlist.promising(id);
        if (candidate != null) {
            ask(candidate);
        }
        return candidate != null;
    }

    /** Every second silence lets one more peer be asked at once. */
    private int slots() {
        return Math.max(alpha, Math.min(alpha + timeouts / 2, MAX_ALPHA));
    }

    /** A peer answered, however late. */
    void answered(NodeId id, FindResult result) {
        Candidate candidate = leaveFlight(id, State.ANSWERED);
        if (candidate == null) {
            return;
        }
        answers++;
        result.closest().forEach(contact -> shortlist.add(contact, candidate.hop() + 1));
        DhtValue found = result.value() == null ? null : lifetimes.acceptable(result.value());
        if (found != null && request.wantsValue()) {
            value = value == null ? found : value.merge(found);
        } else if (nearestWithout == null || request.target().compareDistance(id, nearestWithout.id()) < 0) {
            nearestWithout = candidate.contact();
        }
    }

    /** Another lookup was told of these, so many referrals away. */
    void heard(Collection<Contact> contacts, int hop) {
        if (!ended) {
            shortlist.addNear(contacts, hop);
        }
    }

    /** How many referrals led to a peer that was asked. */
    int hop(NodeId id) {
        Candidate candidate = shortlist.get(id);
        return candidate == null ? 1 : candidate.hop();
    }

    /** A peer is past the soft timeout. */
    void slow(NodeId id) {
        Candidate candidate = shortlist.get(id);
        if (candidate != null && candidate.is(State.ASKED)) {
            leaveFlight(id, State.SLOW);
            shortlist.requireAll();
            timeouts++;
        }
    }

    /** The call to a peer failed. */
    void failed(NodeId id) {
        if (leaveFlight(id, State.FAILED) != null) {
            shortlist.requireAll();
            failures++;
        }
    }

    /** Moves a peer that is being asked on; null if it is not being asked. */
    private @Nullable Candidate leaveFlight(NodeId id, State next) {
        Candidate candidate = shortlist.get(id);
        if (candidate == null || !(candidate.is(State.ASKED) || candidate.is(State.SLOW))) {
            return null;
        }
        if (candidate.is(State.ASKED)) {
            inFlight--;
        }
        candidate.state(next);
        return candidate;
    }

    NodeId target() {
        return request.target();
    }

    /** The value found so far, or null. */
    @Nullable DhtValue value() {
        return value;
    }

    /** The owner has taken the result: from now on, nothing happens any more. */
    void end() {
        ended = true;
    }

    boolean hasEnded() {
        return ended;
    }

    /** Whether nothing is left to do or to wait for. */
    boolean isDone() {
        if (request.isSatisfiedBy(value)) {
            return true;
        } else if (messages >= MAX_MESSAGES && inFlight == 0) {
            return true;
        }
        return shortlist.isSettled()
                && (shortlist.isConfirmed() || shortlist.slow().isEmpty());
    }

    /** The peers past the soft timeout that have neither answered nor failed. */
    List<Contact> silent() {
        return shortlist.slow().stream().map(Candidate::contact).toList();
    }

    /** What is known now. */
    LookupResult result() {
        List<Candidate> nearest = shortlist.nearest();
        int hops = nearest.stream()
                .filter(candidate -> candidate.is(State.ANSWERED))
                .mapToInt(Candidate::hop)
                .max()
                .orElse(0);
        return new LookupResult(
                request.target(),
                nearest.stream().map(Candidate::contact).toList(),
                value,
                value == null ? null : nearestWithout,
                new LookupStats(hops, messages, answers, failures, timeouts));
    }
}
