package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PictureDatasetTest {

    private final PictureDataset pictures =
            new PictureDataset(new byte[] {0, (byte) 255, 51, (byte) 204}, new byte[] {4, 7}, 1, 2);

    @Test
    void copyBatch_reversedIndices_copiesInTheirOrder() {
        float[] pixels = new float[4];
        long[] labels = new long[2];

        pictures.copyBatch(new int[] {1, 0}, pixels, labels);

        assertThat(labels).containsExactly(7, 4);
        assertThat(pixels)
                .containsExactly(
                        new float[] {
                            (0.2f - 0.2860f) / 0.3530f,
                            (0.8f - 0.2860f) / 0.3530f,
                            -0.2860f / 0.3530f,
                            0.7140f / 0.3530f
                        },
                        within(1e-6f));
    }

    @Test
    void copyBatch_wholeBundledSet_hasZeroMeanAndUnitVariance() {
        PictureDataset training = FashionMnist.bundled().training();
        int[] all = IntStream.range(0, 5_000).toArray();
        float[] pixels = new float[all.length * training.features()];

        training.copyBatch(all, pixels, new long[all.length]);

        double mean = IntStream.range(0, pixels.length)
                .mapToDouble(i -> pixels[i])
                .average()
                .orElseThrow();
        double square = IntStream.range(0, pixels.length)
                .mapToDouble(i -> pixels[i] * pixels[i])
                .average()
                .orElseThrow();
        assertThat(mean).isCloseTo(0, within(0.02));
        assertThat(square).isCloseTo(1, within(0.02));
    }

    @Test
    void copyBatch_indexOutOfRange_throws() {
        assertThatThrownBy(() -> pictures.copyBatch(new int[] {2}, new float[2], new long[1]))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void new_pixelsOfAnotherNumber_throws() {
        assertThatThrownBy(() -> new PictureDataset(new byte[3], new byte[2], 1, 2))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
