package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FashionMnistTest {

    @TempDir
    Path directory;

    @Test
    void bundled_always_holdsTwentyThousandAndTenThousandPictures() {
        FashionMnist set = FashionMnist.bundled();

        assertThat(set.training().size()).isEqualTo(20_000);
        assertThat(set.test().size()).isEqualTo(10_000);
        assertThat(set.training().features()).isEqualTo(28 * 28);
    }

    @Test
    void bundled_testLabels_areBalanced() {
        PictureDataset test = FashionMnist.bundled().test();
        int[] counts = new int[FashionMnist.CLASSES];
        for (int i = 0; i < test.size(); i++) {
            counts[test.label(i)]++;
        }

        assertThat(counts).containsOnly(1_000);
    }

    @Test
    void from_compressedAndPlainFiles_readsBoth() throws IOException {
        IdxFiles.writeSet(directory);

        FashionMnist set = FashionMnist.from(directory);

        assertThat(set.training().size()).isEqualTo(2);
        assertThat(set.training().label(1)).isEqualTo(9);
        assertThat(set.test().size()).isEqualTo(1);
    }

    @Test
    void from_noSuchDirectory_saysSo() {
        assertFails(directory.resolve("nowhere"), "There is no directory " + directory.resolve("nowhere"));
    }

    @Test
    void from_emptyDirectory_namesTheMissingFile() {
        assertFails(directory, "There is no file " + directory.resolve("train-images-idx3-ubyte.gz"));
    }

    @Test
    void from_notGzip_namesTheFile() throws IOException {
        IdxFiles.writeSet(directory);
        replace("train-labels-idx1-ubyte.gz", new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});

        assertFails(directory, directory.resolve("train-labels-idx1-ubyte.gz") + " is broken: it cannot be read");
    }

    @Test
    void from_truncatedGzip_namesTheFile() throws IOException {
        IdxFiles.writeSet(directory);
        byte[] whole = IdxFiles.gzip(IdxFiles.labels(3, 9));
        replace("train-labels-idx1-ubyte.gz", Arrays.copyOf(whole, whole.length - 6));

        assertFails(directory, directory.resolve("train-labels-idx1-ubyte.gz") + " is broken: it ");
    }

    @Test
    void from_directoryInPlaceOfAFile_isAnErrorOfOneLine() throws IOException {
        IdxFiles.writeSet(directory);
        Files.delete(directory.resolve("t10k-labels-idx1-ubyte"));
        Files.createDirectory(directory.resolve("t10k-labels-idx1-ubyte"));

        assertFails(directory, directory.resolve("t10k-labels-idx1-ubyte") + " is broken: it cannot be read");
    }

    @Test
    void from_fewerLabelsThanPictures_saysBothCounts() throws IOException {
        IdxFiles.writeSet(directory);
        replace("train-labels-idx1-ubyte.gz", IdxFiles.gzip(IdxFiles.labels(1)));

        assertFails(directory, "The train files hold 2 pictures and 1 labels.");
    }

    @Test
    void from_labelOutOfRange_saysWhich() throws IOException {
        IdxFiles.writeSet(directory);
        replace("t10k-labels-idx1-ubyte", IdxFiles.labels(200));

        assertFails(directory, "The t10k labels hold a 200, but labels run from 0 to 9.");
    }

    @Test
    void from_testPicturesOfAnotherSize_saysBothSizes() throws IOException {
        IdxFiles.writeSet(directory);
        replace("t10k-images-idx3-ubyte", IdxFiles.pictures(2, 2, 1, 2, 3, 4));

        assertFails(directory, "Training pictures are 1x2, test pictures 2x2.");
    }

    private void replace(String name, byte[] content) throws IOException {
        Files.write(directory.resolve(name), content);
    }

    private static void assertFails(Path from, String start) {
        assertThatThrownBy(() -> FashionMnist.from(from))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(start)
                .hasMessageContaining("https://github.com/zalandoresearch/fashion-mnist")
                .hasMessageNotContainingAny("\n", "\r");
    }
}
