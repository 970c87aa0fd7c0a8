package dev.hivemind.dht.routing;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The contacts whose ids share a prefix with {@code lower}, least recently seen first, and as many replacements that
 * wait for one of them to fail. Not thread-safe.
 */
final class KBucket implements IdRange {

    /** Failed calls in a row after which a contact is dropped. */
    static final int MAX_FAILURES = 2;

    private final NodeId lower;
    private final int depth;
    private final int capacity;
    private final List<Entry> active = new ArrayList<>();
    private final Map<NodeId, Entry> replacements = new LinkedHashMap<>();
    private final Set<NodeId> questioned = new HashSet<>();

    /**
     * @param lower the lowest id of the bucket's range
     * @param depth how many leading bits of {@code lower} all ids of the range share
     */
    KBucket(NodeId lower, int depth, int capacity) {
        this.lower = lower;
        this.depth = depth;
        this.capacity = capacity;
    }

    NodeId lower() {
        return lower;
    }

    int depth() {
        return depth;
    }

    boolean covers(NodeId id) {
        return lower.commonPrefixLength(id) >= depth;
    }

    @Override
    public KBucket bucketOf(NodeId id) {
        return this;
    }

    @Override
    public void addBuckets(List<KBucket> target) {
        target.add(this);
    }

    @Override
    public boolean visit(NodeId id, Predicate<KBucket> visitor) {
        return visitor.test(this);
    }

    /** Where a contact stands, or -1: those seen of late stand at the end, and are seen again soonest. */
    private int place(NodeId id) {
        int place = active.size() - 1;
        while (place >= 0 && !active.get(place).id().equals(id)) {
            place--;
        }
        return place;
    }

    /** Marks a contact as seen now; false if it is not in the bucket. */
    boolean refresh(Contact contact, long nowMillis) {
        int place = place(contact.id());
        if (place < 0) {
            return false;
        }
        // The very object that others compare with is found equal at once.
        Contact known = active.remove(place).contact();
        seen(known.equals(contact) ? known : contact, nowMillis);
        return true;
    }

    /** Adds a contact that is not in the bucket; false if the bucket is full. */
    boolean add(Contact contact, long nowMillis) {
        boolean hasRoom = !isFull();
        if (hasRoom) {
            seen(contact, nowMillis);
        }
        return hasRoom;
    }

    private void seen(Contact contact, long nowMillis) {
        active.add(new Entry(contact, nowMillis, 0));
        questioned.remove(contact.id());
        replacements.remove(contact.id());
    }

    /** Keeps a contact in reserve; the one that waited longest makes room. */
    void reserve(Contact contact, long nowMillis) {
        replacements.remove(contact.id());
        if (replacements.size() >= capacity) {
            replacements.remove(replacements.keySet().iterator().next());
        }
        replacements.put(contact.id(), new Entry(contact, nowMillis, 0));
    }

    /**
     * The least recently seen contact that nobody questions yet, of those that were not seen within that time or whose last
     * call failed; from now on it is being questioned.
     */
    @Nullable Contact question(long nowMillis, long trustedMillis) {
        for (Entry entry : active) {
            if (!entry.isSeenWithin(trustedMillis, nowMillis) && questioned.add(entry.id())) {
                return entry.contact();
            }
        }
        return null;
    }

    /** Counts a failure of exactly these addresses; true if the contact is no longer in the bucket. */
    boolean fail(Contact tried) {
        NodeId id = tried.id();
        replacements.computeIfPresent(id, (same, reserved) -> reserved.contact().equals(tried) ? null : reserved);
        int place = place(id);
        if (place < 0) {
            return true;
        }
        Entry entry = active.get(place);
        if (!entry.contact().equals(tried)) {
            return false;
        }
        if (entry.failures() + 1 < MAX_FAILURES) {
            active.set(place, new Entry(entry.contact(), entry.seenMillis(), entry.failures() + 1));
            return false;
        }
        remove(place);
        return true;
    }

    /** The contact serves nobody any more. */
    void forget(NodeId id) {
        replacements.remove(id);
        int place = place(id);
        if (place >= 0) {
            remove(place);
        }
    }

    private void remove(int place) {
        questioned.remove(active.remove(place).id());
        promoteNewestReplacement();
    }

    /** To the place of those that have been silent longest: whoever waited was not asked since. */
    private void promoteNewestReplacement() {
        Entry newest = null;
        for (Entry replacement : replacements.values()) {
            newest = replacement;
        }
        if (newest != null) {
            replacements.remove(newest.id());
            active.add(0, newest);
        }
    }

    @Override
    public IdRange split(KBucket bucket) {
        List<KBucket> halves = split();
        return new Halves(depth, halves.get(0), halves.get(1));
    }

    /** The two halves of this bucket's range, with its contacts. Where a split makes room, nobody waits for it. */
    List<KBucket> split() {
        KBucket left = new KBucket(lower, depth + 1, capacity);
        KBucket right = new KBucket(lower.withBit(depth), depth + 1, capacity);
        active.forEach(entry -> (right.covers(entry.id()) ? right : left).active.add(entry));
        return List.of(left, right);
    }

    boolean contains(NodeId id) {
        return place(id) >= 0;
    }

    @Nullable Contact get(NodeId id) {
        int place = place(id);
        return place < 0 ? null : active.get(place).contact();
    }

    boolean isFull() {
        return active.size() >= capacity;
    }

    /** Whether enough others wait already for a place, or this one does. */
    boolean hasReserve(NodeId id) {
        return replacements.size() >= Math.max(1, capacity / 4) || replacements.containsKey(id);
    }

    NodeId randomId(RandomGenerator random) {
        NodeId any = new NodeId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
        return lower.withSuffix(any, depth);
    }

    int size() {
        return active.size();
    }

    int replacementCount() {
        return replacements.size();
    }

    /** A copy of the contacts, least recently seen first. */
    List<Contact> contacts() {
        return active.stream().map(Entry::contact).toList();
    }

    /** The contact that was seen longest ago, of at least one. */
    Contact oldest() {
        return active.get(0).contact();
    }

    /** Offers all contacts to a selection. */
    void offerTo(NearestContacts selection) {
        active.forEach(entry -> selection.offer(entry.contact()));
    }

    /** Offers the contacts whose last call did not fail, besides one. */
    void offerResponsiveTo(NearestContacts selection, NodeId excluded) {
        for (Entry entry : active) {
            if (entry.failures() == 0 && !entry.id().equals(excluded)) {
                selection.offer(entry.contact());
            }
        }
    }

    /** Counts contacts by how many leading bits they share with an id. */
    void countPrefixes(NodeId id, int[] counts) {
        for (Entry entry : active) {
            counts[entry.id().commonPrefixLength(id)]++;
        }
    }

    /** How many contacts whose last call did not fail lie nearer to an id than another does. */
    int countNearer(NodeId target, NodeId than) {
        int nearer = 0;
        for (Entry entry : active) {
            if (entry.failures() == 0 && target.compareDistance(entry.id(), than) < 0) {
                nearer++;
            }
        }
        return nearer;
    }

    /**
     * A contact of this bucket.
     *
     * @param seenMillis when it answered or called last
     * @param failures calls in a row that failed since
     */
    private record Entry(Contact contact, long seenMillis, int failures) {

        NodeId id() {
            return contact.id();
        }

        /** Whether it is known to have lived then; a clock that was set back knows nothing. */
        boolean isSeenWithin(long millis, long nowMillis) {
            long quiet = nowMillis - seenMillis;
            return failures == 0 && quiet >= 0 && quiet < millis;
        }
    }
}
