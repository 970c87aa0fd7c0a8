package dev.hivemind.rsocket.compression;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What every codec for floating point numbers keeps to. */
abstract class TensorCodecContract {

    private static final double[] NOT_FINITE = {
        Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Float.intBitsToFloat(0x7f800001)
    };

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    final TensorCodec codec = codec();

    abstract TensorCodec codec();

    /** The most by which a decoded number may differ. */
    abstract double tolerance(double number, double largestOfRow);

    @ParameterizedTest
    @CsvSource({
        "1, 1, 4",
        "1, 1, 8",
        "3, 1, 4",
        "1, 4095, 4",
        "1, 4096, 4",
        "1, 4097, 4",
        "2, 4097, 8",
        "5, 2048, 4",
        "5, 2049, 8",
        "1, 12345, 4",
        "700, 3, 4",
        "64, 1024, 8"
    })
    void decode_ofEncodedNumbers_givesThemWithinTheTolerance(int rows, int rowLength, int elementBytes) {
        var layout = new TensorLayout(rows, rowLength, elementBytes, true);
        double[] numbers = normal(layout, 1);

        double[] decoded = roundTrip(layout, numbers);

        for (int i = 0; i < numbers.length; i++) {
            double largest = largestOfRow(numbers, rowLength, i / rowLength);
            assertThat(Math.abs(decoded[i] - numbers[i])).isLessThanOrEqualTo(tolerance(numbers[i], largest));
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 0, 4", "0, 7, 4", "7, 0, 4", "0, 0, 8"})
    void encode_ofAnEmptyTensor_writesNothing(int rows, int rowLength, int elementBytes) {
        var layout = new TensorLayout(rows, rowLength, elementBytes, true);

        ByteBuf encoded = encode(layout);

        assertThat(encoded.isReadable()).isFalse();
        assertThat(decode(layout, encoded)).isEmpty();
        encoded.release();
    }

    @ParameterizedTest
    @CsvSource({"4", "8"})
    void decode_ofZeros_givesZeros(int elementBytes) {
        var layout = new TensorLayout(2, 5_000, elementBytes, true);

        assertThat(roundTrip(layout, new double[10_000])).containsOnly(0);
    }

    @ParameterizedTest
    @CsvSource({"4", "8"})
    void decode_ofZerosAmongOthers_givesZeros(int elementBytes) {
        var layout = new TensorLayout(1, 3, elementBytes, true);

        assertThat(roundTrip(layout, 123.4, 0, -1e-3)[1]).isZero();
    }

    @ParameterizedTest
    @CsvSource({"4", "8"})
    void decode_ofANumberThatIsNotFinite_isNotFinite(int elementBytes) {
        var layout = new TensorLayout(3, 4_100, elementBytes, true);
        for (double bad : NOT_FINITE) {
            for (int position : new int[] {0, 4_095, 4_096, 8_199, 12_299}) {
                double[] numbers = normal(layout, position);
                numbers[position] = bad;
                assertThat(roundTrip(layout, numbers)[position])
                        .as("%s at %d", bad, position)
                        .isNotFinite();
            }
        }
    }

    @Test
    void encode_ofRowsOneByOne_writesTheSameBytes() {
        var layout = new TensorLayout(3, 5_000, 4, true);
        var row = new TensorLayout(1, 5_000, 4, true);
        double[] numbers = normal(layout, 9);
        ByteBuf whole = encode(layout, numbers);
        ByteBuf parts = ByteBufAllocator.DEFAULT.directBuffer(1);

        for (int i = 0; i < 3; i++) {
            codec.encode(
                    row,
                    Numbers.toBytes(row, java.util.Arrays.copyOfRange(numbers, 5_000 * i, 5_000 * (i + 1))),
                    parts);
        }

        assertThat(parts).isEqualTo(whole);
        whole.release();
        parts.release();
    }

    @Test
    void encode_leavesTheSourceAsItIs() {
        var layout = new TensorLayout(1, 10, 4, true);
        var source = Numbers.toBytes(new TensorLayout(1, 12, 4, true), normal(new TensorLayout(1, 12, 4, true), 1));
        ByteBuf encoded = ByteBufAllocator.DEFAULT.directBuffer();

        codec.encode(layout, source.position(4), encoded);

        assertThat(source.position()).isEqualTo(4);
        assertThat(source.limit()).isEqualTo(48);
        encoded.release();
    }

    @Test
    void decode_ofACompositeBuffer_readsAcrossItsParts() {
        var layout = new TensorLayout(2, 5_000, 4, true);
        ByteBuf whole = encode(layout, normal(layout, 4));
        double[] expected = decode(layout, whole);
        var composite = Unpooled.compositeBuffer();
        for (int index = 0; index < whole.readableBytes(); index += 777) {
            composite.addComponent(true, whole.retainedSlice(index, Math.min(777, whole.readableBytes() - index)));
        }

        assertThat(decode(layout, composite)).isEqualTo(expected);

        composite.release();
        whole.release();
    }

    @Test
    void decode_ofAnyBytes_doesNotThrow() {
        var random = new SplittableRandom(3);
        for (int round = 0; round < 200; round++) {
            var layout = new TensorLayout(random.nextInt(4), random.nextInt(50), random.nextBoolean() ? 4 : 8, true);
            byte[] bytes = new byte[Math.toIntExact(codec.encodedBytes(layout))];
            random.nextBytes(bytes);
            assertThat(decode(layout, Unpooled.wrappedBuffer(bytes))).hasSize(layout.elements());
        }
    }

    @ParameterizedTest
    @CsvSource({"1, true", "2, true", "4, false", "8, false"})
    void supports_ofOtherTypes_isFalse(int elementBytes, boolean floating) {
        assertThat(codec.supports(new TensorLayout(1, 1, elementBytes, floating)))
                .isFalse();
    }

    final double[] roundTrip(TensorLayout layout, double... numbers) {
        ByteBuf encoded = encode(layout, numbers);
        try {
            return decode(layout, encoded);
        } finally {
            encoded.release();
        }
    }

    final ByteBuf encode(TensorLayout layout, double... numbers) {
        ByteBuf encoded = ByteBufAllocator.DEFAULT.directBuffer(1);
        codec.encode(layout, Numbers.toBytes(layout, numbers), encoded);
        assertThat(encoded.readableBytes()).isEqualTo(Math.toIntExact(codec.encodedBytes(layout)));
        return encoded;
    }

    final double[] decode(TensorLayout layout, ByteBuf encoded) {
        int readable = encoded.readableBytes();
        var target = Numbers.allocate(layout);
        codec.decode(layout, encoded, target);
        assertThat(encoded.readableBytes()).isEqualTo(readable);
        assertThat(target.position()).isZero();
        return Numbers.fromBytes(layout, target);
    }

    /** Drawn from N(0, 1), as floats. */
    static double[] normal(TensorLayout layout, long seed) {
        var random = new SplittableRandom(seed);
        double[] numbers = new double[layout.elements()];
        java.util.Arrays.setAll(numbers, i -> (float) random.nextGaussian());
        return numbers;
    }

    static double meanSquareError(double[] expected, double[] actual) {
        double sum = 0;
        for (int i = 0; i < expected.length; i++) {
            sum += (expected[i] - actual[i]) * (expected[i] - actual[i]);
        }
        return sum / expected.length;
    }

    private static double largestOfRow(double[] numbers, int rowLength, int row) {
        double largest = 0;
        for (int i = row * rowLength; i < (row + 1) * rowLength; i++) {
            largest = Math.max(largest, Math.abs(numbers[i]));
        }
        return largest;
    }
}
