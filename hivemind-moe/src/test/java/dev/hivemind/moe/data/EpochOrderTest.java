package dev.hivemind.moe.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class EpochOrderTest {

    private static List<Long> epoch(EpochOrder order, long epoch) {
        return LongStream.range(0, order.size())
                .map(position -> order.sampleAt(epoch, position))
                .boxed()
                .toList();
    }

    @Test
    void sampleAt_allPositions_isEachSampleOnce() {
        for (long size = 1; size <= 300; size++) {
            var order = new EpochOrder(size, 17, true);
            for (long epoch = 0; epoch < 3; epoch++) {
                assertThat(epoch(order, epoch))
                        .as("size %d, epoch %d", size, epoch)
                        .containsExactlyInAnyOrderElementsOf(
                                LongStream.range(0, size).boxed().toList());
            }
        }
    }

    @Test
    void sampleAt_ofAHugeSet_isDifferentForDifferentPositions() {
        long size = (1L << 40) + 12_345;
        var order = new EpochOrder(size, 3, true);
        var seen = new HashSet<Long>();

        for (long position = 0; position < 20_000; position++) {
            long near = order.sampleAt(5, position);
            long far = order.sampleAt(5, size - 1 - position);
            assertThat(near).isBetween(0L, size - 1);
            assertThat(far).isBetween(0L, size - 1);
            assertThat(seen.add(near)).isTrue();
            assertThat(seen.add(far)).isTrue();
        }
    }

    @Test
    void sampleAt_dependsOnSeedAndEpochAlone() {
        var order = new EpochOrder(100, 1, true);

        assertThat(epoch(order, 0)).isEqualTo(epoch(new EpochOrder(100, 1, true), 0));
        assertThat(epoch(order, 0)).isNotEqualTo(epoch(order, 1));
        assertThat(epoch(order, 0)).isNotEqualTo(epoch(new EpochOrder(100, 2, true), 0));
    }

    @Test
    void sampleAt_notShuffled_isThePosition() {
        assertThat(epoch(new EpochOrder(5, 1, false), 7)).containsExactly(0L, 1L, 2L, 3L, 4L);
    }

    /** As evenly as lists that are shuffled one by one: which sample comes first, and what follows what. */
    @Test
    void sampleAt_overManyEpochs_spreadsLikeAShuffledList() {
        int size = 10;
        int epochs = 20_000;
        var order = new EpochOrder(size, 99, true);
        var random = new Random(4);
        List<Long> list =
                new java.util.ArrayList<>(LongStream.range(0, size).boxed().toList());
        int[][] places = new int[size][size];
        int[][] reference = new int[size][size];
        int ascents = 0;
        for (int epoch = 0; epoch < epochs; epoch++) {
            Collections.shuffle(list, random);
            for (int position = 0; position < size; position++) {
                places[position][(int) order.sampleAt(epoch, position)]++;
                reference[position][list.get(position).intValue()]++;
            }
            ascents += order.sampleAt(epoch, 0) < order.sampleAt(epoch, 1) ? 1 : 0;
        }

        assertThat(chiSquare(places, epochs)).isLessThan(1.6 * Math.max(81, chiSquare(reference, epochs)));
        assertThat(ascents).isBetween(epochs * 48 / 100, epochs * 52 / 100);
    }

    private static double chiSquare(int[][] counts, int epochs) {
        double expected = (double) epochs / counts.length;
        return IntStream.range(0, counts.length)
                .mapToDouble(row -> IntStream.of(counts[row])
                        .mapToDouble(count -> (count - expected) * (count - expected) / expected)
                        .sum())
                .sum();
    }
}
