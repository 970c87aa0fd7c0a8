package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class UnderstoodRequestTest {

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    private static Request request() {
        ByteBuffer elements = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        elements.asFloatBuffer().put(new float[] {0, 127, -3, 8});
        var compressed = new TensorDescriptor(ElementType.FLOAT32, List.of(1L, 4L), Compression.INT8);
        var plain = TensorDescriptor.of(ElementType.INT32, 4);
        return Request.ofTensors(
                        Operation.EXPERT_FORWARD,
                        "ffn.0",
                        Duration.ofSeconds(1),
                        List.of(TensorFrame.encode(compressed, elements), TensorFrame.encode(plain, elements)))
                .wantingReplyAs(Compression.INT8)
                .expectingReplyOf(1_000_000);
    }

    @Test
    void understood_byAPeerThatKnowsTheCodec_isTheRequestItself() {
        Request request = request();

        Request understood = UnderstoodRequest.understood(codec -> true, request);

        assertThat(understood).isEqualTo(request);
        understood.release();
        request.release();
    }

    @Test
    void understood_byAPeerThatDoesNot_isTheSameCallWithPlainTensors() {
        Request request = request();

        Request understood = UnderstoodRequest.understood(codec -> codec == Compression.NONE, request);

        assertThat(understood.header().callId()).isEqualTo(request.header().callId());
        assertThat(understood.header().tensors())
                .containsExactly(
                        TensorDescriptor.of(ElementType.FLOAT32, 1, 4), TensorDescriptor.of(ElementType.INT32, 4));
        ByteBuf floats = understood.tensors().get(0).data();
        assertThat(floats.getFloatLE(floats.readerIndex() + 4)).isEqualTo(127f);
        assertThat(understood.expectedReplyBytes()).isEqualTo(1_000_000);
        understood.release();
        request.release();
    }
}
