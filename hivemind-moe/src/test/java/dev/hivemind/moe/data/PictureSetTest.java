package dev.hivemind.moe.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureSetTest {

    private static final int COUNT = 7;
    private static final int HEIGHT = 3;
    private static final int WIDTH = 2;
    private static final int FEATURES = HEIGHT * WIDTH;
    private static final PictureFormat FORMAT = PictureFormat.unit(10);

    @TempDir
    private Path directory;

    private final byte[] pixels = new byte[COUNT * FEATURES];
    private final byte[] labels = {3, 1, 4, 1, 5, 9, 2};

    @BeforeEach
    void fill() {
        new Random(1).nextBytes(pixels);
    }

    private static byte[] idx(byte[] values, int... shape) throws IOException {
        var bytes = new ByteArrayOutputStream();
        var out = new DataOutputStream(bytes);
        out.writeInt(0x800 | shape.length);
        for (int size : shape) {
            out.writeInt(size);
        }
        out.write(values);
        return bytes.toByteArray();
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        var compressed = new ByteArrayOutputStream();
        try (var out = new GZIPOutputStream(compressed)) {
            out.write(bytes);
        }
        return compressed.toByteArray();
    }

    private byte[] pictureBytes() throws IOException {
        return idx(pixels, COUNT, HEIGHT, WIDTH);
    }

    private byte[] labelBytes() throws IOException {
        return idx(labels, COUNT);
    }

    private DataFile file(String name, byte[] bytes) throws IOException {
        return DataFile.of(Files.write(directory.resolve(name), bytes));
    }

    private PictureSet open(byte[] pictures, byte[] labelFile) throws IOException {
        return SampleSet.pictures(file("pictures", pictures), file("labels", labelFile), FORMAT);
    }

    @Test
    void fingerprint_ofOtherLabels_isAnother() throws IOException {
        int fingerprint;
        try (PictureSet set = open(pictureBytes(), labelBytes())) {
            fingerprint = set.fingerprint();
        }
        labels[COUNT - 1]++;

        try (PictureSet other = open(pictureBytes(), labelBytes())) {
            assertThat(other.fingerprint()).isNotEqualTo(fingerprint);
            assertThat(BatchSource.builder(other).build().identity()).contains("%08x".formatted(other.fingerprint()));
        }
    }

    @Test
    void open_thatDecompressesToMoreThanAllowed_isTooLarge() throws IOException {
        DataFile pictures = file("pictures", gzip(pictureBytes())).decompressedAtMost(20);
        DataFile labelFile = file("labels", labelBytes());

        assertThatThrownBy(() -> SampleSet.pictures(pictures, labelFile, FORMAT))
                .isInstanceOf(DataException.TooLarge.class)
                .hasMessageContaining("decompressedAtMost");
    }

    @Test
    void open_thatClaimsMoreThanTheDiskHolds_isTooLargeBeforeItIsDecompressed() throws IOException {
        DataFile pictures = file("pictures", gzip(idx(pixels, Integer.MAX_VALUE, 8_192, 8_192)));
        DataFile labelFile = file("labels", gzip(idx(labels, Integer.MAX_VALUE)));

        assertThatThrownBy(() -> SampleSet.pictures(pictures, labelFile, FORMAT))
                .isInstanceOf(DataException.TooLarge.class)
                .hasMessageContaining("has room for");
    }

    private void assertReads(PictureSet set) {
        try (set;
                SampleSet.Reader reader = set.open()) {
            SampleSet.Rows rows = reader.read(new long[] {6, 0, 3, 3});

            assertThat(rows.inputs().get(0).shape()).containsExactly(4, FEATURES);
            assertThat(rows.targets().get(0).shape()).containsExactly(4);
            assertThat(rows.targets().get(0).longs()).containsExactly(2, 3, 1, 1);
            int[] numbers = {6, 0, 3, 3};
            for (int row = 0; row < numbers.length; row++) {
                for (int pixel = 0; pixel < FEATURES; pixel++) {
                    int value = Byte.toUnsignedInt(pixels[numbers[row] * FEATURES + pixel]);
                    assertThat(rows.inputs().get(0).floats()[row * FEATURES + pixel])
                            .isEqualTo(value / 255f);
                }
            }
        }
    }

    @Test
    void read_ofPlainFiles_isWhatTheyHold() throws IOException {
        PictureSet set = open(pictureBytes(), labelBytes());

        assertThat(set.size()).isEqualTo(COUNT);
        assertThat(set.height()).isEqualTo(HEIGHT);
        assertThat(set.width()).isEqualTo(WIDTH);
        assertReads(set);
    }

    @Test
    void read_ofCompressedFiles_isWhatTheyHold() throws IOException {
        assertReads(open(gzip(pictureBytes()), gzip(labelBytes())));
    }

    @Test
    void read_ofOtherSources_isWhatTheyHold() throws IOException {
        byte[] pictures = gzip(pictureBytes());
        byte[] labelFile = labelBytes();
        assertReads(SampleSet.pictures(
                DataFile.of("bundled pictures", () -> new ByteArrayInputStream(pictures)),
                DataFile.of("bundled labels", () -> new ByteArrayInputStream(labelFile)),
                FORMAT));
    }

    /** The files have holes and take little room. */
    @Test
    void read_ofASetLargerThanMemory_needsRoomForOnePicture() throws IOException {
        int count = 4_000_000;
        int last = count - 1;
        try (var file = new RandomAccessFile(directory.resolve("pictures").toFile(), "rw")) {
            file.write(idx(new byte[0], count, 28, 28));
            file.setLength(16 + count * 784L);
            file.seek(16 + last * 784L + 783);
            file.write(51);
        }
        try (var file = new RandomAccessFile(directory.resolve("labels").toFile(), "rw")) {
            file.write(idx(new byte[0], count));
            file.setLength(8L + count);
            file.seek(8L + last);
            file.write(9);
        }
        try (PictureSet set = SampleSet.pictures(
                        DataFile.of(directory.resolve("pictures")), DataFile.of(directory.resolve("labels")), FORMAT);
                SampleSet.Reader reader = set.open()) {
            SampleSet.Rows rows = reader.read(new long[] {last, 2_000_000});

            assertThat(rows.targets().get(0).longs()).containsExactly(9, 0);
            assertThat(rows.inputs().get(0).floats()[783]).isEqualTo(0.2f);
            assertThat(rows.inputs().get(0).floats()[2 * 784 - 1]).isZero();
        }
    }

    @Test
    void read_numberOutOfRange_isRefused() throws IOException {
        try (PictureSet set = open(pictureBytes(), labelBytes());
                SampleSet.Reader reader = set.open()) {
            assertThatThrownBy(() -> reader.read(new long[] {COUNT})).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> reader.read(new long[] {-1})).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void format_scalesPixels() {
        assertThat(PictureFormat.raw(10).table()).startsWith(0f, 1f, 2f).endsWith(254f, 255f);
        assertThat(PictureFormat.unit(10).table()).startsWith(0f).endsWith(1f);
        assertThat(PictureFormat.standardised(10, 0.5f, 0.25f).table())
                .startsWith(-2f)
                .endsWith(2f);
    }

    @Test
    void open_missingFile_saysWhich() {
        assertThatThrownBy(() -> SampleSet.pictures(
                        DataFile.of(directory.resolve("nowhere")), DataFile.of(directory.resolve("labels")), FORMAT))
                .isInstanceOf(DataException.Unreadable.class)
                .hasMessageStartingWith("There is no file")
                .hasMessageContaining("nowhere");
    }

    @Test
    void open_labelOutOfRange_saysWhere() throws IOException {
        labels[4] = 10;

        assertMalformed(() -> open(pictureBytes(), labelBytes()), "labels", 8 + 4, "the label is 10");
        assertMalformed(() -> open(pictureBytes(), gzip(labelBytes())), "labels", 8 + 4, "the label is 10");
    }

    @Test
    void open_countsThatDiffer_saysBoth() throws IOException {
        byte[] fewer = idx(Arrays.copyOf(labels, 6), 6);

        assertMalformed(() -> open(pictureBytes(), fewer), "labels", 4, "it holds 6 labels, but ");
    }

    @Test
    void open_emptyFile_isMalformed() {
        assertMalformed(() -> open(new byte[0], labelBytes()), "pictures", 0, "it ends within the header");
        assertMalformed(() -> open(idx(new byte[0], 0, 3, 2), labelBytes()), "pictures", 4, "it is empty");
    }

    @Test
    void open_otherFormat_isMalformed() {
        assertMalformed(() -> open(labelBytes(), labelBytes()), "pictures", 0, "it starts with 0x00000801");
        assertMalformed(
                () -> open("no picture at all".getBytes(java.nio.charset.StandardCharsets.US_ASCII), labelBytes()),
                "pictures",
                0,
                "it starts with 0x6e6f2070");
    }

    @Test
    void open_absurdSizes_areMalformed() {
        assertMalformed(() -> open(idx(pixels, -1, 3, 2), labelBytes()), "pictures", 4, "a dimension is 4294967295");
        assertMalformed(() -> open(idx(pixels, 7, 70_000, 2), labelBytes()), "pictures", 8, "a dimension is 70000");
        assertMalformed(
                () -> open(idx(pixels, 7, 65_535, 65_535), labelBytes()), "pictures", 8, "one item is larger than");
    }

    @Test
    void open_truncatedAnywhere_isMalformed() throws IOException {
        byte[] whole = pictureBytes();
        byte[] compressed = gzip(whole);
        for (int length = 0; length < whole.length; length++) {
            byte[] truncated = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> open(truncated, labelBytes())).isInstanceOf(DataException.Malformed.class);
            byte[] truncatedInside = gzip(truncated);
            assertThatThrownBy(() -> open(truncatedInside, labelBytes())).isInstanceOf(DataException.Malformed.class);
        }
        for (int length = 2; length < compressed.length; length++) {
            byte[] truncated = Arrays.copyOf(compressed, length);
            assertThatThrownBy(() -> open(truncated, labelBytes())).isInstanceOf(DataException.Malformed.class);
        }
    }

    @Test
    void open_truncatedValues_saysWhere() throws IOException {
        byte[] truncated = Arrays.copyOf(pictureBytes(), 16 + 40);

        assertMalformed(() -> open(truncated, labelBytes()), "pictures", 56, "it ends after 40 of 42 bytes");
    }

    @Test
    void open_moreThanAnnounced_isMalformed() throws IOException {
        byte[] longer = Arrays.copyOf(pictureBytes(), 16 + 43);

        assertMalformed(() -> open(longer, labelBytes()), "pictures", 58, "more bytes follow");
        assertMalformed(() -> open(gzip(longer), labelBytes()), "pictures", 58, "more bytes follow");
    }

    @Test
    void requireSizeOf_picturesOfAnotherSize_saysBoth() throws IOException {
        try (PictureSet set = open(pictureBytes(), labelBytes());
                PictureSet others = SampleSet.pictures(
                        file("others", idx(pixels, COUNT, WIDTH, HEIGHT)), file("labels", labelBytes()), FORMAT)) {
            set.requireSizeOf(set);

            assertMalformed(() -> others.requireSizeOf(set), "others", 8, "its pictures are 2x3, but those of ");
        }
    }

    @Test
    void read_ofAFileThatWasCutMeanwhile_isMalformed() throws IOException {
        try (PictureSet set = open(pictureBytes(), labelBytes());
                SampleSet.Reader reader = set.open()) {
            Files.write(directory.resolve("pictures"), Arrays.copyOf(pictureBytes(), 30));

            assertThatThrownBy(() -> reader.read(new long[] {6}))
                    .isInstanceOf(DataException.Malformed.class)
                    .hasMessageContaining("it ends here since it was opened");
        }
    }

    private void assertMalformed(ThrowingCallable opening, String file, long offset, String what) {
        assertThatThrownBy(opening).isInstanceOfSatisfying(DataException.Malformed.class, error -> {
            assertThat(error.file()).isEqualTo(directory.resolve(file).toString());
            assertThat(error.offset()).isEqualTo(offset);
            assertThat(error).hasMessageContaining(what).hasMessageContaining(error.file());
        });
    }
}
