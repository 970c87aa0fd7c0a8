package dev.hivemind.moe.data;

/**
 * In which order the samples of a set come, in every epoch another one: each sample exactly once, whatever their number,
 * without a list of them.
 *
 * <p>Position and sample are numbers of equally many bits, cut into two halves. Rounds of a Feistel network exchange and
 * mix the halves, which can be undone and hence is a permutation, keyed by seed and epoch. What lands beyond the last
 * sample goes through the network again until it does not (Black and Rogaway, "Ciphers with Arbitrary Finite Domains",
 * 2002); as the network is less than four times as large as the set, this takes four turns on average at most.
 */
record EpochOrder(long size, long seed, boolean shuffled) {

    private static final int ROUNDS = 8;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    /** The sample at a position of an epoch; both from 0 to the size (exclusive). */
    long sampleAt(long epoch, long position) {
        if (!shuffled || size == 1) {
            return position;
        }
        long key = mix(mix(seed) + GOLDEN * epoch);
        long sample = position;
        do {
            sample = permute(sample, key);
        } while (sample >= size);
        return sample;
    }

    private long permute(long number, long key) {
        int halfBits = (Long.SIZE - Long.numberOfLeadingZeros(size - 1) + 1) / 2;
        long mask = (1L << halfBits) - 1;
        long left = number >>> halfBits;
        long right = number & mask;
        for (int round = 1; round <= ROUNDS; round++) {
            long next = left ^ (mix(key + GOLDEN * round + right) & mask);
            left = right;
            right = next;
        }
        return left << halfBits | right;
    }

    /** The finalizer of SplitMix64. */
    private static long mix(long number) {
        long mixed = (number ^ number >>> 30) * 0xBF58476D1CE4E5B9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94D049BB133111EBL;
        return mixed ^ mixed >>> 31;
    }
}
