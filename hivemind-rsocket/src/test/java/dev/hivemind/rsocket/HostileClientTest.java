package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.IncompatiblePeerException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PayloadTooLargeException;
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
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.rsocket.transport.SendWindow;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
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
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.resources.LoopResources;
import reactor.netty.tcp.TcpClient;
import reactor.test.StepVerifier;

/** Whatever a stranger sends, it gets a typed error or a closed connection, and honest peers are still served. */
class HostileClientTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(10);

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

    @ParameterizedTest(name = "{0}")
    @MethodSource("garbage")
    void connection_thatSendsGarbage_isClosedAndHonestPeersAreServed(String what, byte[] bytes) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", listener.addresses().get(0).port())) {
            socket.setSoTimeout((int) TIMEOUT.toMillis());
            send(socket, bytes);
            assertThat(readToEnd(socket)).as(what).isTrue();
        }
        assertHonestPeersAreServed();
    }

    static Stream<Arguments> garbage() {
        return Stream.of(
                Arguments.of(
                        "an HTTP request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII)),
                Arguments.of("a request before SETUP", frame(1, 0x04, 0, new byte[8])),
                Arguments.of("an unknown frame type", frame(0, 0x3e, 0, new byte[32])),
                Arguments.of("a SETUP cut short", frame(0, 0x01, 0, new byte[3])),
                Arguments.of("an empty frame", new byte[] {0, 0, 0}),
                Arguments.of("an unfinished frame", new byte[] {0, 0, 100, 0, 0, 0, 1}));
    }

    @Test
    void connection_thatSendsAFrameBeyondTheLimit_isClosedAtOnce() throws IOException {
        PeerNode small = PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", 0))
                .maxFrameBytes(300_000)
                .build();
        small.start().block(TIMEOUT);
        try (Socket socket = new Socket("127.0.0.1", small.addresses().get(0).port())) {
            // Well before the limit on the time to the first frame would close it.
            socket.setSoTimeout((int) RSocketSettings.FIRST_FRAME_TIMEOUT.toMillis() / 2);
            send(socket, new byte[] {(byte) 0xff, (byte) 0xff, (byte) 0xff, 0, 0, 0, 0, 4});
            assertThat(readToEnd(socket)).isTrue();
        } finally {
            small.close().block(TIMEOUT);
        }
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
    void setup_withAnOversizedHello_isRefusedUnread() {
        HelloMessage hello = hello(PeerIdentity.generate())
                .addFeatures("x".repeat(MessageBody.MAX_HELLO_BYTES))
                .build();

        assertRefused(hello, ProtocolViolationException.class, "larger");
    }

    @Test
    void setup_withAMalformedAddress_isRefused() {
        HelloMessage hello = hello(PeerIdentity.generate())
                .addListenAddresses("not an address")
                .build();

        assertRefused(hello, ProtocolViolationException.class, "address");
    }

    @Test
    void request_beforeTheProof_isRefusedAtOnce() {
        RSocket rsocket = rawConnection(hello(PeerIdentity.generate()).build());
        Request ping = ping(Duration.ofHours(1));

        StepVerifier.create(
                        rsocket.requestResponse(new PayloadCodec().encode(ping)).onErrorMap(ErrorCodec::fromWire))
                .expectError(UnauthorizedException.class)
                .verify(TIMEOUT);

        ping.release();
        rsocket.dispose();
        assertThat(served).hasValue(0);
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
    void hello_sentTwice_closesTheConnection() {
        RSocket rsocket = rawConnection(hello(PeerIdentity.generate()).build());
        greet(rsocket);
        Request again = Request.ofMessage(Operation.HELLO, "", TIMEOUT, HelloProofMessage.getDefaultInstance());

        StepVerifier.create(rsocket.requestResponse(new PayloadCodec().encode(again)))
                .expectError()
                .verify(TIMEOUT);

        again.release();
        assertCloses(rsocket);
    }

    @Test
    void proof_sentTwice_closesTheConnection() {
        PeerIdentity identity = PeerIdentity.generate();
        HelloMessage claimed = hello(identity).build();
        RSocket rsocket = rawConnection(claimed);
        Hello other = greet(rsocket);
        byte[] proof = HelloProof.sign(identity, HelloProof.Role.DIALLER, Hello.fromMessage(claimed), other);

        sendProof(rsocket, proof);
        sendProof(rsocket, proof);

        assertCloses(rsocket);
    }

    @Test
    void connection_thatNeverProvesItself_isClosedAfterTheConnectTimeout() {
        PeerNode impatient = PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", 0))
                .connectTimeout(Duration.ofMillis(200))
                .build();
        impatient.start().block(TIMEOUT);
        RSocket rsocket = rawConnection(
                impatient.addresses().get(0), hello(PeerIdentity.generate()).build());

        assertCloses(rsocket);

        impatient.close().block(TIMEOUT);
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

    @Test
    void replies_leftUnread_holdABoundedAmountOfMemory() throws InterruptedException {
        var replies = new ConcurrentLinkedQueue<ByteBuf>();
        var answered = new CountDownLatch(400);
        listener.handle(
                Operation.EXPERT_FORWARD,
                (peer, request) -> Mono.fromSupplier(() -> {
                    Reply reply = unpooledReply();
                    replies.add(reply.body());
                    answered.countDown();
                    return reply;
                }));
        var channel = new CompletableFuture<Channel>();
        RSocket rsocket = provenConnection(channel);
        channel.join().config().setAutoRead(false);

        callWithoutReading(rsocket, 400);

        assertThat(answered.await(10, TimeUnit.SECONDS)).isTrue();
        assertHonestPeersAreServed();
        assertThat(replies.stream().filter(body -> body.refCnt() > 0).count() * PayloadCodec.MAX_BODY_BYTES)
                .isLessThanOrEqualTo(24L << 20);
        channel.join().close().syncUninterruptibly();
        assertCloses(rsocket);
    }

    /** Pooled buffers come back as the same objects, so that released ones could not be told from others. */
    private static Reply unpooledReply() {
        int bytes = PayloadCodec.MAX_BODY_BYTES;
        ByteBuf data = Unpooled.directBuffer(bytes).writeZero(bytes);
        return Reply.ofTensors(List.of(new TensorFrame(TensorDescriptor.of(ElementType.UINT8, bytes), data)));
    }

    @Test
    void requests_thatNeverEnd_startABoundedNumberOfHandlers() {
        var started = new AtomicInteger();
        listener.handle(Operation.EXPERT_FORWARD, (peer, request) -> {
            started.incrementAndGet();
            return Mono.never();
        });
        RSocket rsocket = provenConnection(new CompletableFuture<>());
        Request request = forward();

        Long refused = Flux.range(0, 20_000)
                .flatMap(
                        i -> rsocket.requestResponse(new PayloadCodec().encode(request))
                                .doOnNext(Payload::release)
                                .onErrorMap(ErrorCodec::fromWire)
                                .onErrorResume(OverloadedException.class, full -> Mono.empty())
                                .thenReturn(1)
                                .flux(),
                        2_000)
                .take(20_000 - CallLimits.MAX_CALLS)
                .count()
                .block(Duration.ofSeconds(60));

        assertThat(refused).isEqualTo(20_000 - CallLimits.MAX_CALLS);
        assertThat(started).hasValue(CallLimits.MAX_CALLS);
        request.release();
        rsocket.dispose();
        assertHonestPeersAreServed();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("brokenChannels")
    void channel_thatBreaksTheFormat_endsAsAProtocolViolation(String what, List<Supplier<Payload>> payloads) {
        listener.handle(Operation.EXPERT_FORWARD, (peer, request) -> Mono.never());
        RSocket rsocket = provenConnection(new CompletableFuture<>());

        StepVerifier.create(rsocket.requestChannel(
                                Flux.fromIterable(payloads).map(Supplier::get).concatWith(Flux.never()))
                        .onErrorMap(ErrorCodec::fromWire))
                .expectErrorSatisfies(
                        error -> assertThat(error).as(what).isInstanceOf(ProtocolViolationException.class))
                .verify(TIMEOUT);
        rsocket.dispose();
        assertHonestPeersAreServed();
    }

    static Stream<Arguments> brokenChannels() {
        Supplier<Payload> piece = () -> ByteBufPayload.create(new byte[100]);
        Supplier<Payload> empty = () -> ByteBufPayload.create(new byte[0]);
        Supplier<Payload> header = () -> announcement(1_000, 100);
        return Stream.of(
                Arguments.of("a piece without a header", List.of(piece)),
                Arguments.of("a header inside a body", List.of(header, header)),
                Arguments.of("an empty piece", List.of(header, empty)),
                Arguments.of("more bytes than announced", List.of(header, () -> ByteBufPayload.create(new byte[901]))),
                Arguments.of(
                        "an oversized piece",
                        List.of(
                                (Supplier<Payload>) () -> announcement(1 << 20, 100),
                                () -> ByteBufPayload.create(new byte[MessageChunks.MAX_CHUNK_BYTES + 1]))),
                Arguments.of("a body beyond 2^31", List.of((Supplier<Payload>) () -> announcement(1L << 31, 100))),
                Arguments.of("a header that is none", List.of((Supplier<Payload>)
                        () -> ByteBufPayload.create(new byte[10], new byte[] {1, 2, 3}))));
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
    void channel_thatAnnouncesMoreThanTheBudget_isRefusedBeforeMemoryIsAllocated() {
        RSocket rsocket = provenConnection(new CompletableFuture<>());

        StepVerifier.create(rsocket.requestChannel(
                                Flux.just(announcement(Integer.MAX_VALUE, 100)).concatWith(Flux.never()))
                        .onErrorMap(ErrorCodec::fromWire))
                .expectError(PayloadTooLargeException.class)
                .verify(TIMEOUT);
        rsocket.dispose();
    }

    @Test
    void channel_thatAnnouncesAndStops_losesItsReservation() {
        PeerNode impatient = PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", 0))
                .inboundBudget(2 << 20)
                .stallTimeout(Duration.ofMillis(100))
                .build();
        impatient.handle(Operation.EXPERT_FORWARD, (peer, request) -> Mono.fromSupplier(() -> Bodies.reply(8)));
        impatient.start().block(TIMEOUT);
        RSocket rsocket = provenConnection(impatient, new CompletableFuture<>());

        StepVerifier.create(rsocket.requestChannel(
                                Flux.just(announcement(1 << 20, 100)).concatWith(Flux.never()))
                        .onErrorMap(ErrorCodec::fromWire))
                .expectError(ProtocolViolationException.class)
                .verify(TIMEOUT);

        Request next = Bodies.request(1 << 20);
        Flux<Payload> pieces = new MessageChunks(Flux.just(Message.of(next)), new OpenWindow());
        StepVerifier.create(rsocket.requestChannel(pieces).doOnNext(Payload::release))
                .expectNextCount(1)
                .expectComplete()
                .verify(TIMEOUT);
        next.release();
        rsocket.dispose();
        impatient.close().block(TIMEOUT);
    }

    @Test
    void channels_beyondTheMostOfAConnection_areRefused() {
        RSocket rsocket = provenConnection(new CompletableFuture<>());

        Flux<Throwable> refusals = Flux.range(0, CallLimits.MAX_CHANNELS + 5)
                .flatMap(
                        i -> rsocket.requestChannel(
                                        Flux.just(announcement(1_000, 100)).concatWith(Flux.never()))
                                .then(Mono.<Throwable>empty())
                                .onErrorResume(error -> Mono.just(ErrorCodec.fromWire(error))),
                        CallLimits.MAX_CHANNELS + 5)
                .take(5);

        StepVerifier.create(refusals)
                .thenConsumeWhile(OverloadedException.class::isInstance)
                .expectComplete()
                .verify(TIMEOUT);
        rsocket.dispose();
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
        RSocket rsocket = provenConnection(new CompletableFuture<>());
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

    private static final class OpenWindow implements SendWindow {

        @Override
        public Mono<Void> awaitRoom() {
            return Mono.empty();
        }

        @Override
        public long unsentBytes() {
            return 0;
        }
    }

    private static Request forward() {
        return Request.ofMessage(Operation.EXPERT_FORWARD, "x", Duration.ofHours(1), HelloMessage.getDefaultInstance());
    }

    private RSocket provenConnection(CompletableFuture<Channel> channel) {
        return provenConnection(listener, channel);
    }

    private static RSocket provenConnection(PeerNode node, CompletableFuture<Channel> channel) {
        PeerIdentity identity = PeerIdentity.generate();
        HelloMessage claimed = hello(identity).build();
        PeerAddress address = node.addresses().get(0);
        RSocket rsocket = rawConnection(
                TcpClient.newConnection()
                        .host(address.host())
                        .port(address.port())
                        .doOnConnected(connection -> channel.complete(connection.channel())),
                claimed);
        Hello other = greet(rsocket);
        sendProof(rsocket, HelloProof.sign(identity, HelloProof.Role.DIALLER, Hello.fromMessage(claimed), other));
        return rsocket;
    }

    private static void callWithoutReading(RSocket rsocket, int calls) {
        for (int i = 0; i < calls; i++) {
            Request request =
                    Request.ofMessage(Operation.EXPERT_FORWARD, "x", TIMEOUT, HelloMessage.getDefaultInstance());
            rsocket.requestResponse(new PayloadCodec().encode(request)).subscribe(Payload::release, ignored -> {});
            request.release();
        }
    }

    private static void assertCloses(RSocket rsocket) {
        StepVerifier.create(rsocket.onClose().onErrorComplete())
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void request_withoutMetadata_isAProtocolViolation() {
        RSocket rsocket = rawConnection(hello(PeerIdentity.generate()).build());

        StepVerifier.create(rsocket.requestResponse(ByteBufPayload.create("data only"))
                        .onErrorMap(ErrorCodec::fromWire))
                .expectError(ProtocolViolationException.class)
                .verify(TIMEOUT);
        rsocket.dispose();
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
        Request ping = ping(TIMEOUT);
        honest.connect(listener.addresses().get(0))
                .flatMap(connection -> connection.request(ping))
                .doOnNext(Reply::release)
                .block(TIMEOUT);
        ping.release();
        assertThat(served).hasValue(before + 1);
        honest.close().block(TIMEOUT);
    }

    private static Request ping(Duration timeout) {
        return Request.ofMessage(Operation.DHT_PING, "", timeout, HelloMessage.getDefaultInstance());
    }

    private RSocket rawConnection(HelloMessage hello) {
        return rawConnection(listener.addresses().get(0), hello);
    }

    private static RSocket rawConnection(PeerAddress address, HelloMessage hello) {
        return rawConnection(TcpClient.newConnection().host(address.host()).port(address.port()), hello);
    }

    private static RSocket rawConnection(TcpClient client, HelloMessage hello) {
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

    /** A frame of RSocket's TCP framing: length, stream id, type and flags, body. */
    private static byte[] frame(int streamId, int type, int flags, byte[] body) {
        return java.nio.ByteBuffer.allocate(9 + body.length)
                .put((byte) 0)
                .putShort((short) (6 + body.length))
                .putInt(streamId)
                .putShort((short) (type << 10 | flags))
                .put(body)
                .array();
    }

    private static void send(Socket socket, byte[] bytes) throws IOException {
        OutputStream output = socket.getOutputStream();
        output.write(bytes);
        output.flush();
    }

    /** Whether the other side closed the connection, in whatever way. */
    private static boolean readToEnd(Socket socket) {
        try {
            InputStream input = socket.getInputStream();
            while (input.read() >= 0) {
                // An ERROR frame may come first.
            }
            return true;
        } catch (java.net.SocketTimeoutException stillOpen) {
            return false;
        } catch (IOException reset) {
            return true;
        }
    }
}
