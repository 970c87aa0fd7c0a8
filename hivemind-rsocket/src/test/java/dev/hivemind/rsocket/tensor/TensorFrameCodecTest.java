package dev.hivemind.rsocket.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class TensorFrameCodecTest {

    private static final TensorDescriptor PLAIN = TensorDescriptor.of(ElementType.INT32, 2);
    private static final TensorDescriptor INT8 =
            new TensorDescriptor(ElementType.FLOAT32, List.of(2L, 3L), Compression.INT8);

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    private static ByteBuffer floats(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes;
    }

    private static ByteBuffer integers(int... values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(values);
        return bytes;
    }

    @Test
    void slice_ofJoinedTensorsOfWhichOneIsCompressed_givesThemBack() {
        ByteBuf joined = TensorFrameCodec.join(List.of(
                TensorFrame.encode(INT8, floats(0, 127, -5, 254, 2, 0)), TensorFrame.encode(PLAIN, integers(7, -7))));

        List<TensorFrame> frames = TensorFrameCodec.slice(List.of(INT8, PLAIN), joined);

        ByteBuffer decoded = floats(new float[6]);
        frames.get(0).decodeInto(decoded);
        assertThat(decoded).isEqualTo(floats(0, 127, -5, 254, 2, 0));
        decoded = integers(0, 0);
        frames.get(1).decodeInto(decoded);
        assertThat(decoded).isEqualTo(integers(7, -7));
        joined.release();
    }

    @Test
    void slice_ofDataOfTheUncompressedLength_isAProtocolViolation() {
        assertThatThrownBy(() -> TensorFrameCodec.slice(List.of(INT8), Unpooled.wrappedBuffer(new byte[24])))
                .isInstanceOf(ProtocolViolationException.class)
                .hasMessageContaining("14");
    }

    @Test
    void encode_ofTooFewElements_releasesItsBuffer() {
        assertThatThrownBy(() -> TensorFrame.encode(INT8, floats(1))).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
