package dev.hivemind.rsocket.compression;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Int8CodecTest extends TensorCodecContract {

    @Override
    TensorCodec codec() {
        return new Int8Codec();
    }

    @Override
    double tolerance(double number, double largestOfRow) {
        return largestOfRow / 127 * 0.50001;
    }

    @Test
    void encode_writesTheScaleLittleEndianAndThenBytes() {
        var layout = new TensorLayout(2, 3, 4, true);

        ByteBuf encoded = encode(layout, 0, -127, 63.5, 2, -1, 0.25);

        // 63.5 is as near to 63 as to 64, and 64 is even; 2/127 is 0x3c810204.
        assertThat(ByteBufUtil.hexDump(encoded)).isEqualTo("0000803f" + "008140" + "0402813c" + "7fc010");
        encoded.release();
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 5", "1, 4096, 4100", "1, 4097, 4105", "3, 8192, 24600", "0, 0, 0", "7, 0, 0", "5, 1, 25"})
    void encodedBytes_areOneScaleForEachBlockAndOneByteForEachNumber(int rows, int rowLength, long expected) {
        assertThat(codec.encodedBytes(new TensorLayout(rows, rowLength, 4, true)))
                .isEqualTo(expected);
        assertThat(codec.encodedBytes(new TensorLayout(rows, rowLength, 8, true)))
                .isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 4_095, 4_096, 4_097, 9_000})
    void encode_ofRandomRows_isTheReference(int rowLength) {
        var random = new SplittableRandom(rowLength);
        var layout = new TensorLayout(4, rowLength, 4, true);
        double[] numbers = new double[layout.elements()];
        for (int row = 0; row < 4; row++) {
            double magnitude = Math.pow(10, random.nextInt(-36, 38));
            for (int i = 0; i < rowLength; i++) {
                numbers[row * rowLength + i] = (float) (random.nextDouble(-1, 1) * magnitude);
            }
        }

        ByteBuf encoded = encode(layout, numbers);

        ByteBuf expected = reference(numbers, rowLength);
        assertThat(ByteBufUtil.hexDump(encoded)).isEqualTo(ByteBufUtil.hexDump(expected));
        encoded.release();
        expected.release();
    }

    private static ByteBuf reference(double[] numbers, int rowLength) {
        ByteBuf bytes = ByteBufAllocator.DEFAULT.buffer();
        for (int row = 0; row < numbers.length; row += rowLength) {
            for (int first = row; first < row + rowLength; first += 4_096) {
                int end = Math.min(first + 4_096, row + rowLength);
                float largest = 0;
                for (int i = first; i < end; i++) {
                    largest = Math.max(largest, Math.abs((float) numbers[i]));
                }
                float scale = largest / 127;
                bytes.writeFloatLE(scale);
                for (int i = first; i < end; i++) {
                    bytes.writeByte(scale == 0 ? 0 : (int) Math.rint((float) numbers[i] * (1 / scale)));
                }
            }
        }
        return bytes;
    }

    @Test
    void roundTrip_ofNormallyDistributedRows_hasASmallError() {
        var layout = new TensorLayout(1_024, 1_024, 4, true);
        double[] numbers = normal(layout, 42);

        double[] decoded = roundTrip(layout, numbers);

        assertThat(meanSquareError(numbers, decoded)).isLessThan(1e-4);
    }

    @Test
    void decode_ofABlockWithANumberThatIsNotFinite_isWhollyNaNAndTheNextBlockIsNot() {
        var layout = new TensorLayout(1, 4_096 + 10, 4, true);
        double[] numbers = normal(layout, 1);
        numbers[17] = Double.NEGATIVE_INFINITY;

        double[] decoded = roundTrip(layout, numbers);

        for (int i = 0; i < decoded.length; i++) {
            assertThat(Double.isNaN(decoded[i])).isEqualTo(i < 4_096);
        }
    }

    @Test
    void decode_ofTheLargestFloats_isFinite() {
        var layout = new TensorLayout(1, 3, 4, true);
        float large = Float.MAX_VALUE;
        for (int i = 0; i < 1_000; i++) {
            assertThat(roundTrip(layout, large, -large, 1)).doesNotContain(Double.POSITIVE_INFINITY, Double.NaN);
            large = Math.nextDown(large);
        }
    }

    @Test
    void decode_ofNumbersWhoseScaleWouldLoseDigits_isZero() {
        var layout = new TensorLayout(1, 2, 4, true);

        assertThat(roundTrip(layout, Float.MIN_VALUE, -Float.MIN_NORMAL)).containsExactly(0, 0);
    }

    @Test
    void decode_ofADoubleBeyondTheFloats_isNaN() {
        assertThat(roundTrip(new TensorLayout(1, 2, 8, true), 1e300, 1)).containsExactly(Double.NaN, Double.NaN);
    }

    @Test
    void decode_ofOneNumber_isNearIt() {
        assertThat(roundTrip(new TensorLayout(1, 1, 4, true), -3.7f)[0])
                .isCloseTo(-3.7f, org.assertj.core.data.Offset.offset(1e-6));
    }
}
