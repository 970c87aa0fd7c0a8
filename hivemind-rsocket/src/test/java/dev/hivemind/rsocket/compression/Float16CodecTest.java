package dev.hivemind.rsocket.compression;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class Float16CodecTest extends TensorCodecContract {

    private static final TensorLayout ONE_SINGLE = new TensorLayout(1, 1, 4, true);
    private static final TensorLayout ONE_DOUBLE = new TensorLayout(1, 1, 8, true);

    @Override
    TensorCodec codec() {
        return new Float16Codec(PortableHalf::new);
    }

    @Override
    double tolerance(double number, double largestOfRow) {
        return Math.max(Math.abs(number) * 0x1p-11, 0x1p-25);
    }

    @Test
    void encode_writesHalvesLittleEndian() {
        var layout = new TensorLayout(1, 6, 4, true);

        ByteBuf encoded = encode(layout, 1, -2, 65_504, 0x1p-24, Double.NEGATIVE_INFINITY, -0.0);

        assertThat(ByteBufUtil.hexDump(encoded)).isEqualTo("003c" + "00c0" + "ff7b" + "0100" + "00fc" + "0080");
        encoded.release();
    }

    @Test
    void roundTrip_ofNormallyDistributedNumbers_hasASmallError() {
        var layout = new TensorLayout(1_024, 1_024, 4, true);
        double[] numbers = normal(layout, 42);

        assertThat(meanSquareError(numbers, roundTrip(layout, numbers))).isLessThan(5e-8);
    }

    @Test
    void encode_ofADouble_roundsOnce() {
        // Just above the middle of 1 and the next half; as a float it would be the middle.
        double number = 1 + 0x1p-11 + 0x1p-40;

        assertThat(roundTrip(ONE_DOUBLE, number)).containsExactly(1 + 0x1p-10);
        assertThat(roundTrip(ONE_DOUBLE, -number)).containsExactly(-1 - 0x1p-10);
        assertThat(roundTrip(ONE_DOUBLE, 1 + 0x1p-11)).containsExactly(1);
        assertThat(roundTrip(ONE_DOUBLE, 65_519.999999)).containsExactly(65_504);
        assertThat(roundTrip(ONE_DOUBLE, 65_520)).containsExactly(Double.POSITIVE_INFINITY);
        assertThat(roundTrip(ONE_DOUBLE, Double.MAX_VALUE)).containsExactly(Double.POSITIVE_INFINITY);
        assertThat(roundTrip(ONE_DOUBLE, Double.MIN_VALUE)).containsExactly(0);
    }

    @Test
    void encode_ofNumbersBeyondTheRange_givesInfinity() {
        assertThat(roundTrip(ONE_SINGLE, -65_519.996)).containsExactly(-65_504);
        assertThat(roundTrip(ONE_SINGLE, -65_520)).containsExactly(Double.NEGATIVE_INFINITY);
        assertThat(roundTrip(ONE_SINGLE, Float.MAX_VALUE)).containsExactly(Double.POSITIVE_INFINITY);
    }

    private static short narrow(float value) {
        short[] half = new short[1];
        new PortableHalf(1).narrow(new float[] {value}, half, 1);
        return half[0];
    }

    private static float widen(short half) {
        float[] value = new float[1];
        new PortableHalf(1).widen(new short[] {half}, value, 1);
        return value[0];
    }

    @Test
    void widen_ofEveryHalf_isItsValue() {
        for (int half = 0; half <= 0xffff; half++) {
            assertThat(widen((short) half)).isEqualTo((Float) HalfReference.widen((short) half));
        }
    }

    @Test
    void narrow_ofEveryHalf_isThatHalf() {
        for (int half = 0; half <= 0xffff; half++) {
            float value = HalfReference.widen((short) half);
            short narrowed = narrow(value);
            if (Float.isNaN(value)) {
                assertThat(HalfReference.widen(narrowed)).isNaN();
            } else {
                assertThat(narrowed).isEqualTo((short) half);
            }
        }
    }

    @Test
    void narrow_aroundTheMiddleOfEveryTwoHalves_isTheReference() {
        for (int half = 0; half < 0x7c00; half++) {
            float below = HalfReference.widen((short) half);
            float above = half == 0x7bff ? 65_536 : HalfReference.widen((short) (half + 1));
            float middle = (below + above) / 2;
            for (float value : new float[] {Math.nextDown(middle), middle, Math.nextUp(middle)}) {
                assertThat(narrow(value)).isEqualTo(HalfReference.narrow(value));
                assertThat(narrow(-value)).isEqualTo(HalfReference.narrow(-value));
            }
        }
    }

    @Test
    void narrow_ofRandomFloats_isTheReference() {
        var random = new SplittableRandom(16);
        for (int round = 0; round < 200_000; round++) {
            float value = Float.intBitsToFloat(random.nextInt());
            assertThat(HalfReference.widen(narrow(value)))
                    .isEqualTo((Float) HalfReference.widen(HalfReference.narrow(value)));
        }
    }

    @Test
    void fastestConversion_ofRandomFloats_isThePortableOne() {
        var random = new SplittableRandom(17);
        float[] floats = new float[100_000];
        java.util.Arrays.setAll(
                new Object[floats.length],
                i -> floats[i] = i % 2 == 0 ? Float.intBitsToFloat(random.nextInt()) : (float) random.nextGaussian());
        short[] expected = new short[floats.length];
        short[] actual = new short[floats.length];
        float[] expectedBack = new float[floats.length];
        float[] actualBack = new float[floats.length];

        new PortableHalf(floats.length).narrow(floats, expected, floats.length);
        HalfPrecision.fastest(floats.length).narrow(floats, actual, floats.length);
        new PortableHalf(floats.length).widen(expected, expectedBack, floats.length);
        HalfPrecision.fastest(floats.length).widen(actual, actualBack, floats.length);

        assertThat(actualBack).isEqualTo(expectedBack);
    }

    @Test
    void roundToOdd_ofRandomDoubles_narrowsToTheNearestHalf() {
        var random = new SplittableRandom(18);
        for (int round = 0; round < 200_000; round++) {
            double value = round % 2 == 0
                    ? random.nextDouble(-70_000, 70_000)
                    : random.nextDouble(-1, 1) * Math.pow(2, -random.nextInt(30));
            assertThat(narrow(FloatView.roundToOdd(value))).isEqualTo(HalfReference.narrow(value));
        }
    }
}
