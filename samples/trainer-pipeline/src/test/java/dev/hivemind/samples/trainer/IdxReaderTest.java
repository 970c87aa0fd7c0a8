package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IdxReaderTest {

    @Test
    void read_pictures_givesShapeAndValues() throws IOException {
        IdxArray array = read(IdxFiles.pictures(2, 3, 1, 2, 3, 4, 5, 255), 3);

        assertThat(array.count()).isEqualTo(1);
        assertThat(array.dimension(1)).isEqualTo(2);
        assertThat(array.dimension(2)).isEqualTo(3);
        assertThat(array.values()).containsExactly(1, 2, 3, 4, 5, 255);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, 4, 15})
    void read_headerCutOff_saysThatItEndsTooEarly(int length) {
        byte[] whole = IdxFiles.pictures(1, 1, 7);

        assertThatThrownBy(() -> read(Arrays.copyOf(whole, length), 3))
                .isInstanceOf(IdxFormatException.class)
                .hasMessage("it ends too early");
    }

    @Test
    void read_valuesCutOff_saysHowMuchIsThere() {
        byte[] whole = IdxFiles.labels(1, 2, 3);

        assertThatThrownBy(() -> read(Arrays.copyOf(whole, whole.length - 1), 1))
                .isInstanceOf(IdxFormatException.class)
                .hasMessage("it ends after 2 of 3 values");
    }

    @Test
    void read_trailingByte_isRefused() {
        byte[] whole = IdxFiles.labels(1, 2, 3);

        assertThatThrownBy(() -> read(Arrays.copyOf(whole, whole.length + 1), 1))
                .isInstanceOf(IdxFormatException.class)
                .hasMessage("more bytes follow the last value");
    }

    @ParameterizedTest
    @ValueSource(ints = {0x803, 0x901, 0x10801, 0, -1})
    void read_otherMagic_isRefused(int magic) {
        assertThatThrownBy(() -> read(IdxFiles.idx(magic, new byte[1], 1), 1))
                .isInstanceOf(IdxFormatException.class)
                .hasMessageStartingWith("it starts with 0x")
                .hasMessageEndingWith("instead of 0x00000801");
    }

    @ParameterizedTest
    @CsvSource({"0,28,28", "-1,28,28", "1000001,1,1", "1,0,28", "1,28,1025", "1,-2147483648,2"})
    void read_dimensionOutOfBounds_isRefused(int count, int rows, int columns) {
        assertThatThrownBy(() -> read(IdxFiles.idx(0x803, new byte[0], count, rows, columns), 3))
                .isInstanceOf(IdxFormatException.class)
                .hasMessageStartingWith("a dimension is");
    }

    @Test
    void read_dimensionsWithHugeProduct_isRefusedBeforeAnyAllocation() {
        assertThatThrownBy(() -> read(IdxFiles.idx(0x803, new byte[0], 1_000_000, 1_024, 1_024), 3))
                .isInstanceOf(IdxFormatException.class)
                .hasMessage("it claims more than 256 MiB of values");
    }

    @Test
    void read_randomBytes_failsWithAFormatExceptionAlone() {
        var random = new SplittableRandom(7);
        for (int round = 0; round < 500; round++) {
            byte[] bytes = new byte[random.nextInt(40)];
            random.nextBytes(bytes);
            assertThatThrownBy(() -> read(bytes, 3)).isInstanceOf(IdxFormatException.class);
        }
    }

    private static IdxArray read(byte[] bytes, int dimensions) throws IOException {
        return IdxReader.read(new ByteArrayInputStream(bytes), dimensions);
    }
}
