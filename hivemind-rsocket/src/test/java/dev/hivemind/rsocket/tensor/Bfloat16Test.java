package dev.hivemind.rsocket.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class Bfloat16Test {

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    @Test
    void fromFloat_ofEveryBfloat16_isThatNumber() {
        for (int value = 0; value <= 0xffff; value++) {
            float exact = Bfloat16.toFloat((short) value);
            if (Float.isNaN(exact)) {
                assertThat(Bfloat16.toFloat(Bfloat16.fromFloat(exact))).isNaN();
            } else {
                assertThat(Bfloat16.fromFloat(exact)).isEqualTo((short) value);
            }
        }
    }

    @Test
    void fromFloat_ofRandomFloats_isTheNearestWithTiesToEven() {
        var random = new SplittableRandom(1);
        for (int round = 0; round < 200_000; round++) {
            int bits = round % 3 == 0 ? (random.nextInt() & 0xffff0000) | 0x8000 : random.nextInt();
            float value = Float.intBitsToFloat(bits);
            if (Float.isFinite(value)) {
                assertThat(Bfloat16.fromFloat(value)).isEqualTo(nearest(value));
            }
        }
    }

    /** Compares the two neighbours; beyond the largest number lies what would be the next. */
    private static short nearest(float value) {
        short down = (short) (Float.floatToRawIntBits(value) >>> 16);
        short up = (short) (down + 1);
        double toDown = Math.abs((double) value - Bfloat16.toFloat(down));
        double next = Float.isInfinite(Bfloat16.toFloat(up)) ? Math.copySign(0x1p128, value) : Bfloat16.toFloat(up);
        double toUp = Math.abs(next - value);
        return toDown < toUp || (toDown == toUp && (down & 1) == 0) ? down : up;
    }

    @Test
    void fromFloat_ofInfinitiesAndNaN_keepsThem() {
        assertThat(Bfloat16.fromFloat(Float.POSITIVE_INFINITY)).isEqualTo((short) 0x7f80);
        assertThat(Bfloat16.fromFloat(Float.NEGATIVE_INFINITY)).isEqualTo((short) 0xff80);
        assertThat(Bfloat16.toFloat(Bfloat16.fromFloat(Float.intBitsToFloat(0x7f800001))))
                .isNaN();
        assertThat(Bfloat16.toFloat(Bfloat16.fromFloat(Float.intBitsToFloat(0xffffffff))))
                .isNaN();
    }

    @Test
    void widen_ofNarrowedFloats_givesThemWithThreeDigits() {
        var random = new SplittableRandom(2);
        ByteBuffer floats = ByteBuffer.allocateDirect(4 * 5_000).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 5_000; i++) {
            floats.putFloat((float) random.nextGaussian());
        }
        floats.flip();
        ByteBuf narrow = ByteBufAllocator.DEFAULT.directBuffer(1);
        ByteBuffer widened = ByteBuffer.allocateDirect(4 * 5_000).order(ByteOrder.LITTLE_ENDIAN);

        Bfloat16.narrow(floats, narrow);
        Bfloat16.widen(narrow, widened);

        for (int i = 0; i < 5_000; i++) {
            float expected = floats.getFloat(4 * i);
            assertThat(Math.abs(widened.getFloat(4 * i) - expected)).isLessThanOrEqualTo(Math.abs(expected) / 256);
        }
        narrow.release();
    }
}
