package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.IncompatiblePeerException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.rsocket.RSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

class CompressionNegotiationTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final PeerNode listener =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final PeerNode dialler = PeerNode.builder().build();

    @BeforeEach
    void bind() {
        listener.start().block(TIMEOUT);
        dialler.start().block(TIMEOUT);
    }

    @AfterEach
    void close() {
        Flux.just(dialler, listener).flatMap(PeerNode::close).then().block(TIMEOUT);
    }

    private PeerConnection connection() {
        return dialler.connect(listener.addresses().get(0)).block(TIMEOUT);
    }

    private static Request compressed(Compression compression) {
        var descriptor = new TensorDescriptor(ElementType.FLOAT32, List.of(3L), compression);
        ByteBuffer elements = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
        elements.asFloatBuffer().put(new float[] {0, -127, 5});
        return Request.ofTensors(
                Operation.EXPERT_FORWARD, "", TIMEOUT, List.of(TensorFrame.encode(descriptor, elements)));
    }

    private static float second(TensorFrame frame) {
        ByteBuffer decoded = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
        frame.decodeInto(decoded);
        return decoded.getFloat(4);
    }

    static List<Compression> codecs() {
        return Compression.all();
    }

    @ParameterizedTest
    @MethodSource("codecs")
    void request_ofCompressedTensorsBetweenTwoNodes_arrivesAndReturns(Compression compression) {
        listener.handle(
                Operation.EXPERT_FORWARD,
                (caller, request) -> caller.supports(compression)
                        ? Mono.just(new Reply(
                                request.header().tensors(), request.body().retain()))
                        : Mono.empty());
        Request request = compressed(compression);

        Reply reply = connection().request(request).block(TIMEOUT);

        assertThat(reply.descriptors().get(0).compression()).isSameAs(compression);
        assertThat(second(reply.tensors().get(0))).isEqualTo(-127f);
        reply.release();
        request.release();
    }

    @Test
    void request_wantingACompressedReply_tellsTheHandler() {
        listener.handle(
                Operation.EXPERT_FORWARD,
                (caller, request) -> Mono.just(Reply.ofTensors(List.of(TensorFrame.encode(
                        TensorDescriptor.of(ElementType.INT32)
                                .compressedBy(request.header().replyCompression()),
                        ByteBuffer.allocate(4)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putInt(0, request.header().replyCompression().wireId()))))));
        Request request = compressed(Compression.NONE).wantingReplyAs(Compression.FLOAT16);

        Reply reply = connection().request(request).block(TIMEOUT);

        assertThat(reply.tensors().get(0).data().getIntLE(0)).isEqualTo(Compression.FLOAT16.wireId());
        reply.release();
        request.release();
    }

    @Test
    void request_whoseCompressionThePeerDoesNotKnow_failsHere() {
        Hello own = Hello.of(PeerIdentity.fromSeed(new byte[32]), List.of());
        Hello old = Hello.fromMessage(own.toMessage().toBuilder()
                .clearFeatures()
                .addFeatures("compression:float16")
                .addFeatures("something-new")
                .build());
        var link = new Link(
                new RSocket() {},
                new ConnectionPoolTest.OpenWindow(),
                new LinkActivity(true, () -> false),
                CallMeters.of(null));
        var silent = new PeerConnection(old, link, TestCalls.none());
        Request request = compressed(Compression.INT8);

        StepVerifier.create(silent.request(request))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(IncompatiblePeerException.class)
                        .hasMessageContaining("int8"))
                .verify(TIMEOUT);

        assertThat(old.compressions()).isEqualTo(Set.of(Compression.FLOAT16));
        assertThat(silent.supports(Compression.NONE)).isTrue();
        request.release();
    }

    @Test
    void hello_namesEveryCodec() {
        Hello own = Hello.of(PeerIdentity.fromSeed(new byte[32]), List.of());

        assertThat(own.toMessage().getFeaturesList()).contains("compression:float16", "compression:int8");
        assertThat(Hello.fromMessage(own.toMessage())).isEqualTo(own);
    }
}
