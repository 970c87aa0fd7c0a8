package dev.hivemind.samples.trainer;

import java.util.SplittableRandom;

/**
 * Draws batches of picture indices in a random order that the seed decides. Every epoch is a new permutation, in which
 * each picture appears exactly once; a batch that does not fit into what is left of an epoch goes on in the next one,
 * so all batches have the same size. Not thread-safe.
 */
final class BatchSampler {

    private final SplittableRandom random;
    private final int[] order;
    private final int batchSize;
    private int position;

    /**
     * @param pictures how many pictures to draw from, at least 1
     * @param batchSize how many indices a batch has, at least 1
     */
    BatchSampler(int pictures, int batchSize, long seed) {
        if (pictures < 1 || batchSize < 1) {
            throw new IllegalArgumentException(
                    "Pictures and batch size are positive, not %d and %d".formatted(pictures, batchSize));
        }
        this.random = new SplittableRandom(seed);
        this.order = new int[pictures];
        for (int i = 0; i < pictures; i++) {
            order[i] = i;
        }
        this.batchSize = batchSize;
        this.position = pictures;
    }

    /** The indices of the next batch, in an array of the caller's own. */
    int[] next() {
        int[] batch = new int[batchSize];
        for (int i = 0; i < batchSize; i++) {
            batch[i] = nextIndex();
        }
        return batch;
    }

    private int nextIndex() {
        if (position == order.length) {
            shuffle();
            position = 0;
        }
        return order[position++];
    }

    private void shuffle() {
        for (int i = order.length - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            int kept = order[i];
            order[i] = order[other];
            order[other] = kept;
        }
    }
}
