package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.IncompatiblePeerException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.UnauthorizedException;
import dev.hivemind.rsocket.frame.FrameCodec;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.proto.FrameHeaderMessage;
import dev.hivemind.rsocket.proto.HelloMessage;
import dev.hivemind.rsocket.proto.HelloProofMessage;
import dev.hivemind.rsocket.proto.HelloReplyMessage;
import io.netty.buffer.Unpooled;
import io.rsocket.Payload;
import io.rsocket.RSocket;
import io.rsocket.core.RSocketConnector;
import io.rsocket.core.RSocketServer;
import io.rsocket.frame.decoder.PayloadDecoder;
import io.rsocket.transport.netty.client.TcpClientTransport;
import io.rsocket.transport.netty.server.CloseableChannel;
import io.rsocket.transport.netty.server.TcpServerTransport;
import io.rsocket.util.ByteBufPayload;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.resources.LoopResources;
import reactor.netty.tcp.TcpClient;
import reactor.test.StepVerifier;

/** Whatever a stranger sends, it gets a typed error or a closed connection, and honest peers are still served. */
class HostileClientTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final AtomicInteger served = new AtomicInteger();
    private PeerNode listener;

    @BeforeEach
    void listen() {
        listener = PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
        listener.handle(Operation.DHT_PING, (caller, request) -> {
            served.incrementAndGet();
            return Mono.just(Reply.ofMessage(HelloMessage.getDefaultInstance()));
        });
        listener.start().block(TIMEOUT);
    }

    @AfterEach
    void close() {
        listener.close().block(TIMEOUT);
    }

    @Test
    void setup_ofANewerProtocol_isRefusedWithTheVersions() {
        HelloMessage hello = hello(PeerIdentity.generate())
                .setProtocolMin(7)
                .setProtocolMax(9)
                .build();

        assertRefused(hello, IncompatiblePeerException.class, "7 to 9");
    }

    @Test
    void setup_withAShortKey_isRefused() {
        HelloMessage hello = hello(PeerIdentity.generate())
                .setPublicKey(ByteString.copyFrom(new byte[5]))
                .build();

        assertRefused(hello, ProtocolViolationException.class, "hello");
    }

    @Test
    void setup_withAMalformedAddress_isRefused() {
        HelloMessage hello = hello(PeerIdentity.generate())
                .addListenAddresses("not an address")
                .build();

        assertRefused(hello, ProtocolViolationException.class, "address");
    }

    @Test
    void proof_byAnotherKey_closesTheConnectionUnserved() {
        PeerIdentity victim = PeerIdentity.generate();
        HelloMessage claimed = hello(victim).build();
        RSocket rsocket = rawConnection(claimed);
        Hello own = Hello.fromMessage(claimed);
        Hello other = greet(rsocket);
        byte[] forged = HelloProof.sign(PeerIdentity.generate(), HelloProof.Role.DIALLER, own, other);

        sendProof(rsocket, forged);

        StepVerifier.create(rsocket.onClose().onErrorComplete()).verifyComplete();
        assertThat(served).hasValue(0);
        assertHonestPeersAreServed();
    }

    @Test
    void proof_reflectedFromTheListener_isRefused() {
        PeerIdentity identity = PeerIdentity.generate();
        HelloMessage claimed = hello(identity).build();
        RSocket rsocket = rawConnection(claimed);
        Hello other = greet(rsocket);
        byte[] wrongRole = HelloProof.sign(identity, HelloProof.Role.LISTENER, Hello.fromMessage(claimed), other);

        sendProof(rsocket, wrongRole);

        StepVerifier.create(rsocket.onClose().onErrorComplete()).verifyComplete();
    }

    @Test
    void connection_thatIsNotProven_isClosedWithTheNode() {
        LoopResources shared = LoopResources.create("shared", 1, true);
        PeerNode closing = PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", 0))
                .connectTimeout(Duration.ofHours(1))
                .loops(shared)
                .build();
        closing.start().block(TIMEOUT);
        RSocket rsocket = rawConnection(
                closing.addresses().get(0), hello(PeerIdentity.generate()).build());
        greet(rsocket);

        closing.close().block(TIMEOUT);

        assertCloses(rsocket);
        shared.disposeLater(Duration.ZERO, TIMEOUT).block(TIMEOUT);
    }

    private static Payload announcement(long bytes, int sent) {
        byte[] header = FrameHeaderMessage.newBuilder()
                .setOperation(Operation.EXPERT_FORWARD.wireId())
                .setCallId(ByteString.copyFrom(new byte[16]))
                .setDeadlineMillis(10_000)
                .setBodyBytes(bytes)
                .build()
                .toByteArray();
        return ByteBufPayload.create(new byte[sent], header);
    }

    @Test
    void channel_thatAnnouncesAndStops_losesItsReservation() {
        PeerNode impatient = PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", 0))
                .inboundBudget(2 << 20)
                .stallTimeout(Duration.ofMillis(100))
                .build();
        impatient.handle(Operation.EXPERT_FORWARD, (peer, request) -> Mono.never());
        impatient.start().block(TIMEOUT);
        RSocket rsocket = provenConnection(impatient);

        // Each announces all that a peer may take, so the second would be overload while the first had its room.
        for (int channel = 0; channel < 2; channel++) {
            StepVerifier.create(rsocket.requestChannel(
                                    Flux.just(announcement(1 << 20, 100)).concatWith(Flux.never()))
                            .onErrorMap(ErrorCodec::fromWire))
                    .expectError(ProtocolViolationException.class)
                    .verify(TIMEOUT);
        }
        rsocket.dispose();
        impatient.close().block(TIMEOUT);
    }

    @Test
    void channel_beforeTheProof_isRefused() {
        RSocket rsocket = rawConnection(hello(PeerIdentity.generate()).build());

        StepVerifier.create(rsocket.requestChannel(
                                Flux.just(announcement(1_000, 100)).concatWith(Flux.never()))
                        .onErrorMap(ErrorCodec::fromWire))
                .expectError(UnauthorizedException.class)
                .verify(TIMEOUT);
        rsocket.dispose();
    }

    @Test
    void channelCall_withoutADeadline_isAnsweredByAViolation() {
        listener.handle(Operation.EXPERT_FORWARD, (peer, request) -> Mono.never());
        RSocket rsocket = provenConnection(listener);
        byte[] header = FrameHeaderMessage.newBuilder()
                .setOperation(Operation.EXPERT_FORWARD.wireId())
                .setCallId(ByteString.copyFrom(new byte[16]))
                .build()
                .toByteArray();

        StepVerifier.create(rsocket.requestChannel(Flux.just(ByteBufPayload.create(new byte[1], header))))
                .assertNext(answer -> {
                    assertThat(FrameCodec.decode(answer.sliceMetadata()).error())
                            .startsWith("protocol-violation");
                    answer.release();
                })
                .expectComplete()
                .verify(TIMEOUT);
        rsocket.dispose();
    }

    private static RSocket provenConnection(PeerNode node) {
        PeerIdentity identity = PeerIdentity.generate();
        HelloMessage claimed = hello(identity).build();
        PeerAddress address = node.addresses().get(0);
        RSocket rsocket = rawConnection(address, claimed);
        Hello other = greet(rsocket);
        sendProof(rsocket, HelloProof.sign(identity, HelloProof.Role.DIALLER, Hello.fromMessage(claimed), other));
        return rsocket;
    }

    private static void assertCloses(RSocket rsocket) {
        StepVerifier.create(rsocket.onClose().onErrorComplete())
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void connect_toAListenerThatIsNoPeer_failsWithinTheTimeout() throws IOException {
        try (var silent = new java.net.ServerSocket(0)) {
            PeerNode impatient =
                    PeerNode.builder().connectTimeout(Duration.ofMillis(300)).build();

            StepVerifier.create(impatient.connect(new PeerAddress("127.0.0.1", silent.getLocalPort())))
                    .expectError(PeerUnavailableException.class)
                    .verify(TIMEOUT);
            impatient.close().block(TIMEOUT);
        }
    }

    @Test
    void connect_toAListenerThatNeverAnswers_closesTheConnection() throws IOException {
        try (var silent = new java.net.ServerSocket(0)) {
            PeerNode impatient =
                    PeerNode.builder().connectTimeout(Duration.ofMillis(300)).build();

            Mono<PeerConnection> dial = impatient.connect(new PeerAddress("127.0.0.1", silent.getLocalPort()));
            StepVerifier.create(dial)
                    .expectError(PeerUnavailableException.class)
                    .verify(TIMEOUT);

            try (var accepted = silent.accept()) {
                accepted.setSoTimeout(Math.toIntExact(TIMEOUT.toMillis()));
                assertThat(accepted.getInputStream().readAllBytes()).isNotEmpty();
            }
            impatient.close().block(TIMEOUT);
        }
    }

    @Test
    void connect_toAListenerThatEndsTheHelloWithoutAnAnswer_fails() {
        CloseableChannel mute = RSocketServer.create((setup, rsocket) -> Mono.just(new MuteResponder()))
                .payloadDecoder(PayloadDecoder.ZERO_COPY)
                .bind(TcpServerTransport.create("127.0.0.1", 0))
                .block(TIMEOUT);
        PeerNode dialler = PeerNode.builder().build();

        StepVerifier.create(dialler.connect(PeerAddress.of(mute.address())))
                .expectErrorMessage("The peer ended the call without an answer")
                .verify(TIMEOUT);

        dialler.close().block(TIMEOUT);
        mute.dispose();
    }

    /** Ends every call without an answer. */
    private static final class MuteResponder implements RSocket {

        @Override
        public Mono<Payload> requestResponse(Payload payload) {
            payload.release();
            return Mono.empty();
        }
    }

    private void assertRefused(HelloMessage hello, Class<? extends Throwable> type, String text) {
        RSocket rsocket = rawConnection(hello);

        StepVerifier.create(rsocket.onClose().onErrorMap(ErrorCodec::fromWire))
                .expectErrorSatisfies(
                        error -> assertThat(error).isInstanceOf(type).hasMessageContaining(text))
                .verify(TIMEOUT);
    }

    private void assertHonestPeersAreServed() {
        PeerNode honest = PeerNode.builder().build();
        int before = served.get();
        Request ping = ping();
        honest.connect(listener.addresses().get(0))
                .flatMap(connection -> connection.request(ping))
                .doOnNext(Reply::release)
                .block(TIMEOUT);
        ping.release();
        assertThat(served).hasValue(before + 1);
        honest.close().block(TIMEOUT);
    }

    private static Request ping() {
        return Request.ofMessage(Operation.DHT_PING, "", TIMEOUT, HelloMessage.getDefaultInstance());
    }

    private RSocket rawConnection(HelloMessage hello) {
        return rawConnection(listener.addresses().get(0), hello);
    }

    private static RSocket rawConnection(PeerAddress address, HelloMessage hello) {
        TcpClient client = TcpClient.newConnection().host(address.host()).port(address.port());
        return RSocketConnector.create()
                .metadataMimeType(RSocketSettings.METADATA_MIME_TYPE)
                .dataMimeType(RSocketSettings.DATA_MIME_TYPE)
                .payloadDecoder(PayloadDecoder.ZERO_COPY)
                .setupPayload(ByteBufPayload.create(Unpooled.EMPTY_BUFFER, Unpooled.wrappedBuffer(hello.toByteArray())))
                .connect(TcpClientTransport.create(client))
                .block(TIMEOUT);
    }

    private static HelloMessage.Builder hello(PeerIdentity identity) {
        return Hello.of(identity, List.of()).toMessage().toBuilder();
    }

    private static Hello greet(RSocket rsocket) {
        var codec = new PayloadCodec();
        Request request = Request.ofMessage(Operation.HELLO, "", TIMEOUT, HelloProofMessage.getDefaultInstance());
        Payload answer = rsocket.requestResponse(codec.encode(request)).block(TIMEOUT);
        Reply reply = codec.decodeReply(request.header(), answer);
        HelloReplyMessage message = reply.message(HelloReplyMessage.parser());
        reply.release();
        request.release();
        return Hello.fromMessage(message.getHello());
    }

    private static void sendProof(RSocket rsocket, byte[] signature) {
        var proof = HelloProofMessage.newBuilder()
                .setSignature(ByteString.copyFrom(signature))
                .build();
        Request request = Request.ofMessage(Operation.HELLO, "", TIMEOUT, proof);
        rsocket.fireAndForget(new PayloadCodec().encode(request)).block(TIMEOUT);
        request.release();
    }
}
