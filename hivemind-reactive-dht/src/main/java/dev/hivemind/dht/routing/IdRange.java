package dev.hivemind.dht.routing;

import java.util.List;
import java.util.function.Predicate;

/** All ids with a common prefix: the range of one bucket, or two halves that differ in the bit that follows. */
sealed interface IdRange permits KBucket, IdRange.Halves {

    /** The bucket that covers an id of this range. */
    KBucket bucketOf(NodeId id);

    /** This range, in which a bucket has become two halves. */
    IdRange split(KBucket bucket);

    /** Adds the buckets, lowest first. */
    void addBuckets(List<KBucket> target);

    /**
     * Visits the buckets, nearest to an id first: as seen from there, ranges of one common prefix each lie one behind the
     * other. Goes on for as long as the visitor wants more, and tells whether it still does.
     */
    boolean visit(NodeId id, Predicate<KBucket> visitor);

    /**
     * Two halves.
     *
     * @param bit the index of the bit in which they differ
     * @param lower those ids in which it is zero
     * @param upper those in which it is one
     */
    record Halves(int bit, IdRange lower, IdRange upper) implements IdRange {

        private IdRange halfOf(NodeId id) {
            return id.hasBit(bit) ? upper : lower;
        }

        @Override
        public KBucket bucketOf(NodeId id) {
            return halfOf(id).bucketOf(id);
        }

        @Override
        public IdRange split(KBucket bucket) {
            IdRange half = halfOf(bucket.lower()).split(bucket);
            return bucket.lower().hasBit(bit) ? new Halves(bit, lower, half) : new Halves(bit, half, upper);
        }

        @Override
        public void addBuckets(List<KBucket> target) {
            lower.addBuckets(target);
            upper.addBuckets(target);
        }

        @Override
        public boolean visit(NodeId id, Predicate<KBucket> visitor) {
            IdRange near = halfOf(id);
            return near.visit(id, visitor) && (near == lower ? upper : lower).visit(id, visitor);
        }
    }
}
