package dev.hivemind.dht.routing;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.Offer.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The contacts of a node that answered it, at most {@code bucketSize} in each bucket.
 *
 * <p>Invariants: the buckets' ranges cover all ids without gap or overlap; a range is the set of ids with a common
 * prefix, whose length is the bucket's depth. A full bucket is split if it holds the owner's own id or if its depth is
 * no multiple of {@code depthModulo}; otherwise newcomers wait as replacements, since peers that have been up long
 * tend to stay up longer. Not thread-safe: a table belongs to one loop.
 */
public final class RoutingTable {

    /** Who answered, or called, so lately need not prove that it lives: else pings would be most of all messages. */
    private static final long TRUSTED_MILLIS = 60_000;

    private final NodeId self;
    private final int depthModulo;
    private final LongSupplier clock;
    private IdRange all;

    /** Those of {@link #all}, lowest first. */
    private List<KBucket> buckets;

    /**
     * An empty table.
     *
     * @param self the owner, who is never in the table
     * @param bucketSize Kademlia's k, at least 1
     * @param depthModulo Kademlia's b, at least 1: by how many bits the table resolves ranges far from its owner
     * @param clock milliseconds since any moment
     */
    public RoutingTable(NodeId self, int bucketSize, int depthModulo, LongSupplier clock) {
        this.self = requireNonNull(self, "self");
        if (bucketSize < 1 || depthModulo < 1) {
            throw new IllegalArgumentException("bucketSize and depthModulo are at least 1");
        }
        this.depthModulo = depthModulo;
        this.clock = requireNonNull(clock, "clock");
        KBucket first = new KBucket(NodeId.ZERO, 0, bucketSize);
        this.all = first;
        this.buckets = List.of(first);
    }

    /** The owner's id. */
    public NodeId self() {
        return self;
    }

    /** Takes note of a contact that has answered us just now. One that has become client-only leaves the table. */
    public Offer offer(Contact contact) {
        KBucket bucket = all.bucketOf(contact.id());
        if (contact.id().equals(self)) {
            return Offer.of(Outcome.REJECTED);
        } else if (contact.isClientOnly()) {
            bucket.forget(contact.id());
            return Offer.of(Outcome.REJECTED);
        }
        long nowMillis = clock.getAsLong();
        if (bucket.refresh(contact, nowMillis)) {
            return Offer.of(Outcome.UPDATED);
        }
        while (!bucket.add(contact, nowMillis)) {
            if (!isSplittable(bucket)) {
                bucket.reserve(contact, nowMillis);
                return new Offer(Outcome.REPLACEMENT, bucket.question(nowMillis, TRUSTED_MILLIS));
            }
            split(bucket);
            bucket = all.bucketOf(contact.id());
        }
        return Offer.of(Outcome.ADDED);
    }

    /** Takes note of a sign of life of a contact; false if it is not in the table. */
    public boolean refresh(Contact contact) {
        return all.bucketOf(contact.id()).refresh(contact, clock.getAsLong());
    }

    private boolean isSplittable(KBucket bucket) {
        return bucket.depth() < NodeId.BITS && (bucket.covers(self) || bucket.depth() % depthModulo != 0);
    }

    private void split(KBucket bucket) {
        all = all.split(bucket);
        List<KBucket> lowestFirst = new ArrayList<>();
        all.addBuckets(lowestFirst);
        buckets = List.copyOf(lowestFirst);
    }

    /**
     * Takes note that a contact did not answer. After the second time in a row it is dropped, and the newest
     * replacement takes its place. If the table knows the contact by other addresses, nothing is proven about those.
     *
     * @param tried the contact with the addresses that were tried
     * @return whether the contact is not, or no longer, in the table
     */
    public boolean fail(Contact tried) {
        return all.bucketOf(tried.id()).fail(tried);
    }

    /** Whether a contact is in a bucket. */
    public boolean contains(NodeId id) {
        return all.bucketOf(id).contains(id);
    }

    /** The contact in a bucket with this id, or null. */
    public @Nullable Contact get(NodeId id) {
        return all.bucketOf(id).get(id);
    }

    /** The {@code count} contacts nearest to an id, or all if there are fewer, nearest first. */
    public List<Contact> closest(NodeId target, int count) {
        var nearest = new NearestContacts(target, count);
        all.visit(target, bucket -> {
            bucket.offerTo(nearest);
            return !nearest.isFull();
        });
        return nearest.toList();
    }

    /**
     * Like {@link #closest}, but without contacts whose last call failed, and without one peer: what others are told.
     *
     * @param excluded the peer who asks
     */
    public List<Contact> closestResponsive(NodeId target, int count, NodeId excluded) {
        var nearest = new NearestContacts(target, count);
        all.visit(target, bucket -> {
            bucket.offerResponsiveTo(nearest, excluded);
            return !nearest.isFull();
        });
        return nearest.toList();
    }

    /** Whether the owner, as far as the table tells, is one of the {@code count} peers nearest to an id. */
    public boolean isAmongNearest(NodeId target, int count) {
        return countNearer(target) < count;
    }

    /** How many contacts whose last call did not fail lie nearer to an id than the owner. */
    public int countNearer(NodeId target) {
        int nearer = 0;
        for (KBucket bucket : buckets) {
            nearer += bucket.countNearer(target, self);
        }
        return nearer;
    }

    /**
     * How many leading bits an id shares with those that it may be one of the {@code count} nearest peers to: under a
     * shorter prefix there are, besides the subtree of the id itself, already as many peers nearer.
     *
     * @param id of a peer, known or not
     */
    public int neighbourhoodBits(NodeId id, int count) {
        int[] peers = new int[NodeId.BITS + 1];
        peers[self.commonPrefixLength(id)]++;
        for (KBucket bucket : buckets) {
            bucket.countPrefixes(id, peers);
        }
        int bits = 0;
        while (bits < NodeId.BITS && peers[bits] >= count) {
            bits++;
        }
        return bits;
    }

    /**
     * A random id in each range that does not hold the owner's id. Whoever looks for them meets peers there.
     *
     * @param random the source of the ids
     */
    public List<NodeId> refreshTargets(RandomGenerator random) {
        return buckets.stream()
                .filter(bucket -> !bucket.covers(self))
                .map(bucket -> bucket.randomId(random))
                .toList();
    }

    /** Whether a stranger would find a place now, or is needed as one who waits for a place. */
    public boolean wants(NodeId id) {
        KBucket bucket = all.bucketOf(id);
        return !bucket.isFull() || isSplittable(bucket) || !bucket.hasReserve(id);
    }

    /** Of the contacts that have been silent longest in their ranges, one drawn by chance; null if there are none. */
    public @Nullable Contact oldest(RandomGenerator random) {
        List<KBucket> inhabited =
                buckets.stream().filter(bucket -> bucket.size() > 0).toList();
        return inhabited.isEmpty()
                ? null
                : inhabited.get(random.nextInt(inhabited.size())).oldest();
    }

    /** How many contacts are in buckets. */
    public int size() {
        return buckets.stream().mapToInt(KBucket::size).sum();
    }

    /** How many contacts wait for others to fail. */
    public int replacementCount() {
        return buckets.stream().mapToInt(KBucket::replacementCount).sum();
    }

    /** How many ranges the table distinguishes. */
    public int bucketCount() {
        return buckets.size();
    }

    List<KBucket> buckets() {
        return buckets;
    }
}
