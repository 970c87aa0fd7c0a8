package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.UnknownExpertException;
import dev.hivemind.rsocket.events.proto.CallEventMessage;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameCodec;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.proto.HelloMessage;
import dev.hivemind.rsocket.proto.HelloProofMessage;
import dev.hivemind.rsocket.proto.HelloReplyMessage;
import dev.hivemind.rsocket.tensor.Bfloat16;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.rsocket.frame.ErrorFrameCodec;
import io.rsocket.frame.PayloadFrameCodec;
import io.rsocket.frame.RequestResponseFrameCodec;
import io.rsocket.frame.SetupFrameCodec;
import io.rsocket.util.ByteBufPayload;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The bytes that docs/PROTOCOL.md refers to, for authors of other clients: ours writes and reads exactly them. */
class GoldenVectorsTest {

    private static final ByteBufAllocator ALLOC = ByteBufAllocator.DEFAULT;
    private static final PeerIdentity DIALLER = PeerIdentity.fromSeed(counting(0));
    private static final PeerIdentity LISTENER = PeerIdentity.fromSeed(counting(32));
    private static final Hello DIALLER_HELLO = hello(DIALLER, 64, List.of());
    private static final Hello LISTENER_HELLO = hello(LISTENER, 96, List.of(new PeerAddress("192.0.2.7", 4_711)));
    private static final CallId CALL = new CallId(0x0001020304050607L, 0x08090a0b0c0d0e0fL);
    private static final float[] NUMBERS = {0, -127, 63.5f, 2, -1, 0.25f};
    private static final TensorDescriptor MATRIX = TensorDescriptor.of(ElementType.FLOAT32, 2, 3);
    private static final TensorDescriptor INT8_MATRIX = compressed(Compression.INT8);
    private static final TensorDescriptor HALF_MATRIX = compressed(Compression.FLOAT16);

    /** One that has passed is written as a millisecond, whatever the time. */
    private static final FrameHeader FORWARD = new FrameHeader(
                    Operation.EXPERT_FORWARD,
                    "ffn.3.7",
                    CALL,
                    new Deadline(System.nanoTime() - 1),
                    -2,
                    List.of(INT8_MATRIX, TensorDescriptor.of(ElementType.INT64)))
            .withReplyCompression(Compression.FLOAT16);

    /**
     * @param encode makes the bytes with our encoders
     * @param decode reads them with our decoders
     * @param expected what is read
     */
    private record Vector(String name, Supplier<ByteBuf> encode, Function<ByteBuf, Object> decode, Object expected) {

        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Vector> vectors() {
        return Stream.of(setUp(), headers(), frames(), tensors()).flatMap(vectors -> vectors);
    }

    private static Stream<Vector> setUp() {
        var reply = HelloReplyMessage.newBuilder()
                .setHello(LISTENER_HELLO.toMessage())
                .setSignature(ByteString.copyFrom(
                        HelloProof.sign(LISTENER, HelloProof.Role.LISTENER, LISTENER_HELLO, DIALLER_HELLO)))
                .build();
        var proof = HelloProofMessage.newBuilder()
                .setSignature(ByteString.copyFrom(
                        HelloProof.sign(DIALLER, HelloProof.Role.DIALLER, DIALLER_HELLO, LISTENER_HELLO)))
                .build();
        return Stream.of(
                message("hello", DIALLER_HELLO.toMessage(), HelloMessage.parser()),
                bytes(
                        "hello-reply-signed",
                        HelloProof.statement(HelloProof.Role.LISTENER, LISTENER_HELLO, DIALLER_HELLO)),
                message("hello-reply", reply, HelloReplyMessage.parser()),
                bytes(
                        "hello-proof-signed",
                        HelloProof.statement(HelloProof.Role.DIALLER, DIALLER_HELLO, LISTENER_HELLO)),
                message("hello-proof", proof, HelloProofMessage.parser()),
                new Vector(
                        "setup-frame",
                        () -> framed(setupFrame()),
                        frame -> Hello.fromMessage(
                                read(SetupFrameCodec.metadata(frame.skipBytes(3)), HelloMessage.parser())),
                        DIALLER_HELLO));
    }

    private static Stream<Vector> headers() {
        FrameHeader chunked = new FrameHeader(
                        Operation.EXPERT_FORWARD,
                        "ffn.3.7",
                        CALL,
                        FORWARD.deadline(),
                        0,
                        List.of(TensorDescriptor.of(ElementType.UINT8, 600_000)))
                .announcing(600_000);
        FrameHeader events = new FrameHeader(Operation.EVENTS, "", CALL, Deadline.NEVER, 0, List.of());
        return Stream.of(
                header("forward-request-header", FORWARD),
                header("forward-reply-header", FORWARD.reply(List.of(HALF_MATRIX))),
                header("chunked-request-header", chunked),
                header(
                        "failed-reply-header",
                        FORWARD.failure(ErrorCodec.toText(new UnknownExpertException("No expert ffn.3.7 here")))),
                header("events-request-header", events),
                message("event", event(), EventMessage.parser()));
    }

    private static Stream<Vector> frames() {
        return Stream.of(
                new Vector(
                        "forward-request-frame",
                        () -> framed(RequestResponseFrameCodec.encodeReleasingPayload(
                                ALLOC, 5, ByteBufPayload.create(forwardBody(), FrameCodec.encode(FORWARD)))),
                        frame -> FrameCodec.decode(RequestResponseFrameCodec.metadata(frame.skipBytes(3))),
                        FORWARD),
                new Vector(
                        "chunk-frame",
                        () -> framed(PayloadFrameCodec.encodeNextReleasingPayload(
                                ALLOC, 7, ByteBufPayload.create(new byte[] {1, 2, 3}))),
                        frame -> ByteBufUtil.getBytes(PayloadFrameCodec.data(frame.skipBytes(3))),
                        new byte[] {1, 2, 3}),
                new Vector(
                        "error-frame",
                        () -> framed(ErrorFrameCodec.encode(
                                ALLOC, 5, ErrorCodec.toWire(new OverloadedException("Busy", Duration.ofMillis(250))))),
                        frame -> ErrorCodec.fromText(ErrorFrameCodec.dataUtf8(frame.skipBytes(3)))
                                .getMessage(),
                        "Busy"));
    }

    private static Stream<Vector> tensors() {
        return Stream.of(
                new Vector(
                        "forward-request-body",
                        GoldenVectorsTest::forwardBody,
                        body -> TensorFrameCodec.slice(FORWARD.tensors(), body)
                                .get(1)
                                .data()
                                .getLongLE(0),
                        7L),
                tensor("tensor-none", MATRIX, NUMBERS),
                tensor("tensor-int8", INT8_MATRIX, new float[] {0, -127, 64, 2, -64 * (2f / 127), 16 * (2f / 127)}),
                tensor("tensor-float16", HALF_MATRIX, NUMBERS),
                new Vector("tensor-bfloat16", GoldenVectorsTest::bfloat16, GoldenVectorsTest::widened, NUMBERS));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("vectors")
    void encoder_writesTheVector(Vector vector) throws IOException {
        ByteBuf encoded = vector.encode().get();
        String hex = ByteBufUtil.hexDump(encoded);
        encoded.release();

        assertThat(hex).isEqualTo(HexFormat.of().formatHex(golden(vector.name())));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("vectors")
    void decoder_readsTheVector(Vector vector) throws IOException {
        Object decoded = vector.decode().apply(Unpooled.wrappedBuffer(golden(vector.name())));

        if (vector.expected() instanceof FrameHeader) {
            assertThat(decoded)
                    .usingRecursiveComparison()
                    .ignoringFields("deadline")
                    .isEqualTo(vector.expected());
        } else {
            assertThat(decoded).isEqualTo(vector.expected());
        }
    }

    /** Behind a line that begins with #, the bytes in hexadecimal. */
    private static byte[] golden(String name) throws IOException {
        try (InputStream file = GoldenVectorsTest.class.getResourceAsStream("/golden/" + name + ".hex")) {
            assertThat(file).as(name).isNotNull();
            String digits = new String(file.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    .collect(Collectors.joining());
            return HexFormat.of().parseHex(digits);
        }
    }

    private static byte[] counting(int first) {
        byte[] bytes = new byte[32];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (first + i);
        }
        return bytes;
    }

    private static Hello hello(PeerIdentity identity, int firstOfNonce, List<PeerAddress> addresses) {
        return new Hello(
                ByteString.copyFrom(identity.publicKey()),
                ByteString.copyFrom(counting(firstOfNonce)),
                addresses,
                Set.of(Compression.FLOAT16, Compression.INT8));
    }

    private static EventMessage event() {
        return EventMessage.newBuilder()
                .setUnixMicros(1_700_000_000_000_000L)
                .setDropped(3)
                .setCall(CallEventMessage.newBuilder()
                        .setOperation(Operation.EXPERT_FORWARD.wireId())
                        .setTarget("ffn.3.7")
                        .setPeerId(ByteString.copyFrom(counting(0)))
                        .setServed(true)
                        .setError("overloaded")
                        .setRequestBytes(22)
                        .setMicros(1_500))
                .build();
    }

    private static ByteBuf setupFrame() {
        return SetupFrameCodec.encode(
                ALLOC,
                false,
                Math.toIntExact(RSocketSettings.KEEPALIVE_INTERVAL.toMillis()),
                Math.toIntExact(RSocketSettings.KEEPALIVE_TIMEOUT.toMillis()),
                RSocketSettings.METADATA_MIME_TYPE,
                RSocketSettings.DATA_MIME_TYPE,
                ByteBufPayload.create(Unpooled.EMPTY_BUFFER, MessageBody.encode(DIALLER_HELLO.toMessage())));
    }

    private static ByteBuf framed(ByteBuf frame) {
        ByteBuf length = ALLOC.buffer(3).writeMedium(frame.readableBytes());
        return Unpooled.wrappedBuffer(length, frame);
    }

    private static ByteBuf forwardBody() {
        ByteBuf body = encoded(INT8_MATRIX);
        return body.writeLongLE(7);
    }

    private static TensorDescriptor compressed(Compression compression) {
        return new TensorDescriptor(ElementType.FLOAT32, List.of(2L, 3L), compression);
    }

    private static ByteBuf encoded(TensorDescriptor descriptor) {
        ByteBuffer elements = elements();
        elements.asFloatBuffer().put(NUMBERS);
        ByteBuf data = ALLOC.buffer();
        TensorFrameCodec.encode(descriptor, elements, data);
        return data;
    }

    private static float[] decoded(TensorDescriptor descriptor, ByteBuf data) {
        ByteBuffer target = elements();
        TensorFrameCodec.decode(descriptor, data, target);
        return floats(target);
    }

    private static ByteBuf bfloat16() {
        ByteBuffer elements = elements();
        elements.asFloatBuffer().put(NUMBERS);
        ByteBuf data = ALLOC.buffer();
        Bfloat16.narrow(elements, data);
        return data;
    }

    private static float[] widened(ByteBuf data) {
        ByteBuffer target = elements();
        Bfloat16.widen(data, target);
        return floats(target);
    }

    private static ByteBuffer elements() {
        return ByteBuffer.allocateDirect(NUMBERS.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static float[] floats(ByteBuffer elements) {
        float[] floats = new float[NUMBERS.length];
        elements.clear().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
        return floats;
    }

    private static Vector bytes(String name, byte[] bytes) {
        return new Vector(name, () -> Unpooled.wrappedBuffer(bytes), ByteBufUtil::getBytes, bytes);
    }

    private static Vector header(String name, FrameHeader header) {
        return new Vector(name, () -> FrameCodec.encode(header), FrameCodec::decode, header);
    }

    private static Vector tensor(String name, TensorDescriptor descriptor, float[] read) {
        return new Vector(name, () -> encoded(descriptor), data -> decoded(descriptor, data), read);
    }

    private static Vector message(String name, MessageLite message, Parser<? extends MessageLite> parser) {
        return new Vector(name, () -> MessageBody.encode(message), bytes -> read(bytes, parser), message);
    }

    private static <M> M read(ByteBuf bytes, Parser<M> parser) {
        try {
            return parser.parseFrom(ByteBufUtil.getBytes(bytes));
        } catch (InvalidProtocolBufferException malformed) {
            throw new IllegalArgumentException(malformed);
        }
    }
}
