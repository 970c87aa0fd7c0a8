package dev.hivemind.samples.trainer;

import dev.hivemind.moe.training.Batch;
import dev.hivemind.moe.training.HostTensor;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import reactor.core.publisher.Flux;

/**
 * Batches of pictures in a random order that the seed decides. Every epoch is a permutation of its own, which its number
 * decides, so that reading may begin at any batch; pictures that do not fill a batch at the end of an epoch are left out.
 * Immutable.
 */
public final class PictureBatches {

    private final PictureDataset pictures;
    private final int batchSize;
    private final long seed;

    /** @param batchSize pictures per batch, at least 1 and no more than there are pictures */
    public PictureBatches(PictureDataset pictures, int batchSize, long seed) {
        if (batchSize < 1 || batchSize > pictures.size()) {
            throw new IllegalArgumentException(
                    "A batch has 1 to %d pictures, not %d".formatted(pictures.size(), batchSize));
        }
        this.pictures = pictures;
        this.batchSize = batchSize;
        this.seed = seed;
    }

    /** Batches of one epoch. */
    public int perEpoch() {
        return pictures.size() / batchSize;
    }

    /** Batches from this one on, without end; made when they are asked for. */
    public Flux<Batch> from(long first) {
        return Flux.generate(() -> new Position(first), (position, sink) -> {
            sink.next(batch(position));
            return position.next();
        });
    }

    private Batch batch(Position position) {
        int epoch = Math.toIntExact(position.batch / perEpoch());
        if (position.epoch != epoch) {
            position.order = permutation(epoch);
            position.epoch = epoch;
        }
        int start = (int) (position.batch % perEpoch()) * batchSize;
        int[] indices = IntStream.range(start, start + batchSize)
                .map(i -> position.order[i])
                .toArray();
        return batch(pictures, position.batch, epoch, indices);
    }

    private int[] permutation(int epoch) {
        var random = new SplittableRandom(seed + epoch * 0x9E3779B97F4A7C15L);
        int[] order = IntStream.range(0, pictures.size()).toArray();
        for (int i = order.length - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            int kept = order[i];
            order[i] = order[other];
            order[other] = kept;
        }
        return order;
    }

    /** All pictures once, in their own order; the last batch may be smaller. For evaluation. */
    public static Flux<Batch> inOrder(PictureDataset pictures, int batchSize) {
        return Flux.range(0, (pictures.size() + batchSize - 1) / batchSize).map(index -> {
            int start = index * batchSize;
            int[] indices = IntStream.range(start, Math.min(start + batchSize, pictures.size()))
                    .toArray();
            return batch(pictures, index, 0, indices);
        });
    }

    private static Batch batch(PictureDataset pictures, long index, int epoch, int[] indices) {
        float[] pixels = new float[indices.length * pictures.features()];
        long[] labels = new long[indices.length];
        pictures.copyBatch(indices, pixels, labels);
        return new Batch(
                index,
                epoch,
                List.of(HostTensor.of(pixels, indices.length, pictures.features())),
                List.of(HostTensor.of(labels, indices.length)));
    }

    /** How far one subscriber has read. */
    private static final class Position {

        private long batch;
        private int epoch = -1;
        private int[] order = {};

        Position(long batch) {
            this.batch = batch;
        }

        Position next() {
            batch++;
            return this;
        }
    }
}
