package dev.hivemind.rsocket.frame;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Optional;

/**
 * Whatever bytes arrive as a header: they are refused as a violation of the protocol, or they are a header within every
 * bound that means the same after another trip.
 *
 * <p>Runs the committed inputs; with {@code JAZZER_FUZZ=1} in the environment it searches for new ones.
 */
class FrameCodecFuzzTest {

    @FuzzTest(maxDuration = "2m")
    void decode_ofAnyBytes_isRefusedOrWithinBounds(byte[] bytes) {
        decode(Unpooled.wrappedBuffer(bytes)).ifPresent(header -> {
            assertThat(header.target().length()).isLessThanOrEqualTo(FrameCodec.MAX_TARGET_BYTES);
            assertThat(header.deadline().remaining()).isLessThanOrEqualTo(Deadline.MAX);
            assertThat(header.tensors()).allSatisfy(FrameCodecFuzzTest::assertWithinBounds);
            assertSameAfterAnotherTrip(header);
        });
    }

    private static void assertWithinBounds(TensorDescriptor tensor) {
        assertThat(tensor.shape()).hasSizeLessThanOrEqualTo(TensorDescriptor.MAX_RANK);
        assertThat(tensor.sizeBytes()).isNotNegative();
        assertThat(tensor.elements()).isNotNegative();
    }

    private static void assertSameAfterAnotherTrip(FrameHeader header) {
        ByteBuf encoded = FrameCodec.encode(header);
        try {
            assertThat(decode(encoded).orElseThrow())
                    .usingRecursiveComparison()
                    .ignoringFields("deadline")
                    .isEqualTo(header);
        } finally {
            encoded.release();
        }
    }

    private static Optional<FrameHeader> decode(ByteBuf bytes) {
        try {
            return Optional.of(FrameCodec.decode(bytes));
        } catch (ProtocolViolationException refused) {
            return Optional.empty();
        }
    }
}
