package dev.hivemind.rsocket.frame;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.proto.FrameHeaderMessage;
import dev.hivemind.rsocket.proto.TensorDescriptorMessage;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FrameCodecTest {

    private static final FrameHeader HEADER = new FrameHeader(
            Operation.EXPERT_BACKWARD,
            "ffn.3.🤗",
            new CallId(0x0123456789abcdefL, -2),
            Deadline.after(Duration.ofMinutes(30)),
            -1,
            List.of(
                    TensorDescriptor.of(ElementType.FLOAT16, 64, 1024),
                    TensorDescriptor.of(ElementType.INT64),
                    TensorDescriptor.of(ElementType.BOOL, 0, 5),
                    TensorDescriptor.of(ElementType.BFLOAT16, 3),
                    new TensorDescriptor(ElementType.FLOAT32, List.of(2L, 5L), Compression.INT8)),
            Compression.FLOAT16,
            0,
            "",
            true);

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    @Test
    void decode_ofAnEncodedHeader_returnsItsFields() {
        ByteBuf bytes = FrameCodec.encode(HEADER);

        FrameHeader decoded = FrameCodec.decode(bytes);

        assertThat(decoded)
                .usingRecursiveComparison()
                .ignoringFields("deadline")
                .isEqualTo(HEADER);
        assertThat(decoded.deadline().remaining()).isBetween(Duration.ofMinutes(20), Duration.ofMinutes(30));
        bytes.release();
    }

    @Test
    void decode_ofAHeaderWithoutADeadline_neverEnds() {
        FrameHeader decoded = decode(valid().clearDeadlineMillis().build().toByteArray());

        assertThat(decoded.deadline()).isEqualTo(Deadline.NEVER);
        assertThat(decoded.deadline().isPast()).isFalse();
    }

    @Test
    void decode_ofAFailedReply_returnsTheError() {
        ByteBuf bytes = FrameCodec.encode(HEADER.failure("overloaded;message=full"));

        assertThat(FrameCodec.decode(bytes).error()).isEqualTo("overloaded;message=full");
        bytes.release();
    }

    @Test
    void decode_ofAnAnnouncedBody_returnsItsLength() {
        ByteBuf bytes = FrameCodec.encode(HEADER.announcing(Integer.MAX_VALUE));

        assertThat(FrameCodec.decode(bytes).bodyBytes()).isEqualTo(Integer.MAX_VALUE);
        bytes.release();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("malformedHeaders")
    void decode_ofAMalformedHeader_isAProtocolViolation(String what, Consumer<FrameHeaderMessage.Builder> damage) {
        FrameHeaderMessage.Builder message = valid();
        damage.accept(message);

        assertThatThrownBy(() -> decode(message.build().toByteArray()))
                .as(what)
                .isInstanceOf(ProtocolViolationException.class);
    }

    static Stream<Arguments> malformedHeaders() {
        return Stream.of(
                row("operation 0", message -> message.setOperation(0)),
                row("unknown operation", message -> message.setOperation(9_999)),
                row("negative operation", message -> message.setOperation(-1)),
                row("no call id", FrameHeaderMessage.Builder::clearCallId),
                row("long call id", message -> message.setCallId(ByteString.copyFrom(new byte[17]))),
                row("body beyond 2^31", message -> message.setBodyBytes(1L << 31)),
                row("body beyond 2^63", message -> message.setBodyBytes(-1)),
                row("long error", message -> message.setError("x".repeat(4_097))),
                row("long target", message -> message.setTarget("x".repeat(257))),
                row("unknown element type", message -> message.setTensors(0, tensor(10, 4, 1))),
                row("element type 0", message -> message.setTensors(0, tensor(0, 4, 1))),
                row("huge element type", message -> message.setTensors(0, tensor(Integer.MIN_VALUE, 4, 1))),
                row("negative dimension", message -> message.setTensors(0, tensor(1, 4, -1))),
                row("two negative dimensions", message -> message.setTensors(0, tensor(1, 4, -1, -1))),
                row(
                        "product that overflows to a small number",
                        message -> message.setTensors(0, tensor(1, 0, 1L << 31, 1L << 31, 4))),
                row(
                        "absurd dimension beside a zero",
                        message -> message.setTensors(0, tensor(1, 0, 0, Long.MAX_VALUE))),
                row("nine dimensions", message -> message.setTensors(0, tensor(1, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1))),
                row("wrong byte length", message -> message.setTensors(0, tensor(1, 5, 1))),
                row("byte length beyond 2^63", message -> message.setTensors(0, tensor(1, -4, 1))),
                row(
                        "unknown compression",
                        message -> message.setTensors(
                                0, tensor(1, 4, 1).toBuilder().setCompression(7))),
                row(
                        "compression beyond 2^31",
                        message -> message.setTensors(
                                0, tensor(1, 4, 1).toBuilder().setCompression(-1))),
                row(
                        "compressed integers",
                        message -> message.setTensors(
                                0, tensor(6, 2, 1).toBuilder().setCompression(1))),
                row(
                        "byte length of uncompressed data",
                        message -> message.setTensors(
                                0, tensor(1, 16, 4).toBuilder().setCompression(2))),
                row(
                        "compressed data of more than 2^31 bytes",
                        message -> message.setTensors(
                                0, tensor(1, 0, 500_000_000, 1).toBuilder().setCompression(2))),
                row("65 tensors", message -> {
                    for (int i = 0; i < 64; i++) {
                        message.addTensors(tensor(1, 4, 1));
                    }
                }),
                row("longer than a header may be", message -> message.setToken(ByteString.copyFrom(new byte[17_000]))));
    }

    @Test
    void decode_ofAnUnknownWishForTheReply_asksForNoCompression() {
        byte[] bytes = valid().setReplyCompression(63).build().toByteArray();

        assertThat(decode(bytes).replyCompression()).isSameAs(Compression.NONE);
    }

    @Test
    void decode_ofACompressedTensor_keepsItsCompression() {
        byte[] bytes = valid().setTensors(
                        0, tensor(1, 2 * (4 + 5), 2, 5).toBuilder().setCompression(2))
                .build()
                .toByteArray();

        assertThat(decode(bytes).tensors().get(0).compression()).isSameAs(Compression.INT8);
    }

    @Test
    void decode_ofRandomAndMutatedBytes_neverFailsOtherwise() {
        var random = new SplittableRandom(1);
        byte[] good = valid().build().toByteArray();
        for (int round = 0; round < 20_000; round++) {
            byte[] bytes = round % 2 == 0 ? new byte[random.nextInt(200)] : good.clone();
            if (round % 2 == 0) {
                random.nextBytes(bytes);
            } else {
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            }
            try {
                decode(bytes);
            } catch (ProtocolViolationException expected) {
                assertThat(expected).hasMessageNotContaining("null");
            }
        }
    }

    @Test
    void decode_ofAHeaderWithUnknownFields_ignoresThem() {
        byte[] good = valid().build().toByteArray();
        byte[] extended = java.util.Arrays.copyOf(good, good.length + 3);
        extended[good.length] = (byte) 0xF8; // field 31, varint
        extended[good.length + 1] = 1;
        extended[good.length + 2] = 5;

        assertThat(decode(extended).operation()).isEqualTo(Operation.EXPERT_FORWARD);
    }

    private static FrameHeader decode(byte[] bytes) {
        return FrameCodec.decode(Unpooled.wrappedBuffer(bytes));
    }

    private static FrameHeaderMessage.Builder valid() {
        return FrameHeaderMessage.newBuilder()
                .setOperation(Operation.EXPERT_FORWARD.wireId())
                .setTarget("expert.1")
                .setCallId(ByteString.copyFrom(new byte[16]))
                .setDeadlineMillis(1_000)
                .addTensors(tensor(1, 4, 1));
    }

    private static TensorDescriptorMessage tensor(int elementType, long byteLength, long... shape) {
        var message =
                TensorDescriptorMessage.newBuilder().setElementType(elementType).setByteLength(byteLength);
        for (long length : shape) {
            message.addShape(length);
        }
        return message.build();
    }

    private static Arguments row(String what, Consumer<FrameHeaderMessage.Builder> damage) {
        return Arguments.of(what, damage);
    }
}
