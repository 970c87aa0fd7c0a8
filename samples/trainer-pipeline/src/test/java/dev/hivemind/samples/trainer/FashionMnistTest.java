package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.hivemind.moe.data.DataException;
import dev.hivemind.moe.data.SampleSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FashionMnistTest {

    @TempDir
    Path directory;

    private static SampleSet.Rows read(SampleSet set, long... numbers) {
        try (SampleSet.Reader reader = set.open()) {
            return reader.read(numbers);
        }
    }

    @Test
    void bundled_always_holdsTwentyThousandAndTenThousandPictures() {
        try (FashionMnist set = FashionMnist.bundled()) {
            assertThat(set.training().size()).isEqualTo(20_000);
            assertThat(set.test().size()).isEqualTo(10_000);
            assertThat(set.training().features()).isEqualTo(28 * 28);
        }
    }

    @Test
    void bundled_testLabels_areBalanced() {
        int[] counts = new int[FashionMnist.CLASSES];
        try (FashionMnist set = FashionMnist.bundled()) {
            SampleSet.Rows all =
                    read(set.test(), LongStream.range(0, set.test().size()).toArray());
            for (long label : all.targets().get(0).longs()) {
                counts[(int) label]++;
            }
        }

        assertThat(counts).containsOnly(1_000);
    }

    @Test
    void bundled_pixels_haveZeroMeanAndUnitVariance() {
        float[] pixels;
        try (FashionMnist set = FashionMnist.bundled()) {
            pixels = read(set.training(), LongStream.range(0, 5_000).toArray())
                    .inputs()
                    .get(0)
                    .floats();
        }

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
    void from_compressedAndPlainFiles_readsBoth() throws IOException {
        IdxFiles.writeSet(directory);

        try (FashionMnist set = FashionMnist.from(directory)) {
            assertThat(set.training().size()).isEqualTo(2);
            assertThat(read(set.training(), 1).targets().get(0).longs()).containsExactly(9);
            assertThat(set.test().size()).isEqualTo(1);
        }
    }

    @Test
    void from_noSuchDirectory_namesTheMissingFile() {
        assertFails(directory.resolve("nowhere"), "There is no file " + directory.resolve("nowhere/train-images"));
    }

    @Test
    void from_notAFileOfPictures_namesIt() throws IOException {
        IdxFiles.writeSet(directory);
        replace("train-labels-idx1-ubyte.gz", new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});

        assertFails(directory, directory.resolve("train-labels-idx1-ubyte.gz") + " is broken at byte 0: ");
    }

    @Test
    void from_truncatedGzip_namesTheFile() throws IOException {
        IdxFiles.writeSet(directory);
        byte[] whole = IdxFiles.gzip(IdxFiles.labels(3, 9));
        replace("train-labels-idx1-ubyte.gz", Arrays.copyOf(whole, whole.length - 6));

        assertFails(directory, directory.resolve("train-labels-idx1-ubyte.gz") + " is broken at byte ");
    }

    @Test
    void from_directoryInPlaceOfAFile_isAnErrorOfOneLine() throws IOException {
        IdxFiles.writeSet(directory);
        Files.delete(directory.resolve("t10k-labels-idx1-ubyte"));
        Files.createDirectory(directory.resolve("t10k-labels-idx1-ubyte"));

        assertFails(directory, directory.resolve("t10k-labels-idx1-ubyte") + " cannot be read");
    }

    @Test
    void from_labelOutOfRange_saysWhich() throws IOException {
        IdxFiles.writeSet(directory);
        replace("t10k-labels-idx1-ubyte", IdxFiles.labels(200));

        assertFails(
                directory,
                directory.resolve("t10k-labels-idx1-ubyte")
                        + " is broken at byte 8: the label is 200, but labels run from 0 to 9.");
    }

    @Test
    void from_testPicturesOfAnotherSize_saysBothSizes() throws IOException {
        IdxFiles.writeSet(directory);
        replace("t10k-images-idx3-ubyte", IdxFiles.pictures(2, 2, 1, 2, 3, 4));

        assertFails(
                directory,
                directory.resolve("t10k-images-idx3-ubyte") + " is broken at byte 8: its pictures are 2x2, but those");
    }

    private void replace(String name, byte[] content) throws IOException {
        Files.write(directory.resolve(name), content);
    }

    private static void assertFails(Path from, String start) {
        assertThatThrownBy(() -> FashionMnist.from(from))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(start)
                .hasMessageNotContainingAny("\n", "\r");
    }
}
