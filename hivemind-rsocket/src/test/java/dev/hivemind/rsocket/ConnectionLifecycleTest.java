package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.proto.HelloMessage;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.netty.resources.LoopResources;
import reactor.test.StepVerifier;
import reactor.util.retry.Retry;

/** How connections between nodes begin, are shared, and end, over real sockets. */
class ConnectionLifecycleTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final ConcurrentLinkedQueue<PeerNode> nodes = new ConcurrentLinkedQueue<>();

    @AfterEach
    void close() {
        Flux.fromIterable(nodes).flatMap(PeerNode::close).then().block(TIMEOUT);
    }

    private PeerNode listening(PeerAddress... addresses) {
        return started(PeerNode.builder().listen(addresses));
    }

    private PeerNode started(PeerNode.Builder builder) {
        PeerNode node = builder.build();
        nodes.add(node);
        return node.start().block(TIMEOUT);
    }

    private static PeerAddress loopback() {
        return new PeerAddress("127.0.0.1", 0);
    }

    @Test
    void connect_fromBothSidesAtOnce_leavesTheConnectionThatTheLowerIdDialled() {
        PeerNode one = listening(loopback());
        PeerNode other = listening(loopback());
        PeerNode low = one.id().compareTo(other.id()) < 0 ? one : other;
        PeerNode high = low == one ? other : one;

        Mono.zip(low.connect(high.id(), high.addresses()), high.connect(low.id(), low.addresses()))
                .block(TIMEOUT);
        // Each side may learn of the other's connection a little later.
        Mono<Boolean> settled = Mono.zip(connected(low, high), connected(high, low))
                .map(both -> both.getT1().activity().isDialled()
                        == !both.getT2().activity().isDialled());

        StepVerifier.create(
                        settled.filter(yes -> yes).repeatWhenEmpty(waits -> waits.delayElements(Duration.ofMillis(20))))
                .expectNext(true)
                .expectComplete()
                .verify(TIMEOUT);
    }

    private static Mono<PeerConnection> connected(PeerNode from, PeerNode to) {
        return from.connect(to.id(), List.of());
    }

    @Test
    void connect_toTwoListenersOfOneNode_sharesOneConnection() {
        PeerNode wide = listening(loopback(), loopback());
        PeerNode dialler = started(PeerNode.builder());

        PeerConnection first = dialler.connect(wide.addresses().get(0)).block(TIMEOUT);
        PeerConnection second = dialler.connect(wide.addresses().get(1)).block(TIMEOUT);

        assertThat(wide.addresses()).hasSize(2).doesNotHaveDuplicates();
        assertThat(second).isSameAs(first);
        assertThat(first.listenAddresses()).isEqualTo(wide.addresses());
    }

    @Test
    @EnabledIf("hasIpv6")
    void connect_overIpv6_works() {
        PeerNode listener = listening(new PeerAddress("::1", 0), loopback());
        PeerNode dialler = started(PeerNode.builder());
        listener.handle(Operation.DHT_PING, (caller, request) -> answer());
        PeerAddress address = listener.addresses().get(0);

        PeerConnection connection = dialler.connect(address).block(TIMEOUT);

        assertThat(address.toString()).startsWith("[");
        StepVerifier.create(ping(connection)).expectNext(true).expectComplete().verify(TIMEOUT);
    }

    static boolean hasIpv6() {
        try (var socket = new ServerSocket(0, 1, InetAddress.getByName("::1"))) {
            return socket.isBound();
        } catch (IOException none) {
            return false;
        }
    }

    @Test
    void connect_toAPeerThatFailedBefore_failsAtOnceAndSaysForHowLong() {
        PeerNode gone = listening(loopback());
        List<PeerAddress> addresses = gone.addresses();
        gone.close().block(TIMEOUT);
        PeerNode dialler = started(PeerNode.builder());

        Mono<PeerConnection> attempt = dialler.connect(gone.id(), addresses);

        StepVerifier.create(attempt.retryWhen(Retry.max(1_000)
                        .filter(error -> !String.valueOf(error.getMessage()).contains("next attempt in"))))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(PeerUnavailableException.class)
                        .hasMessageContaining(" ms"))
                .verify(TIMEOUT);
    }

    @Test
    void connections_beyondTheLimitInAll_areClosedAtOnce() throws IOException {
        PeerNode small = started(PeerNode.builder().listen(loopback()).maxConnections(1));
        int port = small.addresses().get(0).port();
        try (var first = new Socket("127.0.0.1", port);
                var second = new Socket("127.0.0.1", port);
                var third = new Socket("127.0.0.1", port)) {
            List<CompletableFuture<Integer>> ends = Stream.of(first, second, third)
                    .map(ConnectionLifecycleTest::end)
                    .toList();

            CompletableFuture.anyOf(ends.toArray(CompletableFuture[]::new)).join();

            // The others are closed later, by the limit on the time to the first frame.
            assertThat(ends).filteredOn(CompletableFuture::isDone).hasSize(1);
        }
    }

    private static CompletableFuture<Integer> end(Socket socket) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return socket.getInputStream().read();
                    } catch (IOException reset) {
                        return -1;
                    }
                },
                task -> new Thread(task).start());
    }

    @Test
    void close_withACallUnderWay_letsItEndAndRefusesOthers() {
        PeerNode listener = listening(loopback());
        PeerNode dialler = started(PeerNode.builder());
        Sinks.One<Reply> answer = Sinks.one();
        var begun = new CompletableFuture<Boolean>();
        listener.handle(
                Operation.DHT_PING, (caller, request) -> answer.asMono().doOnSubscribe(s -> begun.complete(true)));
        PeerConnection connection = dialler.connect(listener.addresses().get(0)).block(TIMEOUT);
        CompletableFuture<Boolean> call = ping(connection).toFuture();
        begun.join();

        CompletableFuture<Void> closed = listener.close().toFuture();
        StepVerifier.create(ping(connection))
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);
        assertThat(closed).isNotDone();
        answer.tryEmitValue(Reply.ofMessage(HelloMessage.getDefaultInstance()));

        assertThat(call.orTimeout(20, TimeUnit.SECONDS).join()).isTrue();
        closed.orTimeout(20, TimeUnit.SECONDS).join();
    }

    @Test
    void close_withACallThatDoesNotEnd_closesAfterTheDrainTimeout() {
        PeerNode listener = started(PeerNode.builder().listen(loopback()).drainTimeout(Duration.ofMillis(200)));
        PeerNode dialler = started(PeerNode.builder());
        var begun = new CompletableFuture<Boolean>();
        listener.handle(
                Operation.DHT_PING, (caller, request) -> Mono.<Reply>never().doOnSubscribe(s -> begun.complete(true)));
        PeerConnection connection = dialler.connect(listener.addresses().get(0)).block(TIMEOUT);

        StepVerifier.create(ping(connection))
                .then(begun::join)
                .then(() -> listener.close().block(TIMEOUT))
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);
    }

    @Test
    void close_onLoopsOfOthers_closesLiveConnections() {
        LoopResources shared = LoopResources.create("shared", 1, true);
        PeerNode listener = started(PeerNode.builder().listen(loopback()).loops(shared));
        PeerNode dialler = started(PeerNode.builder());
        PeerConnection connection = dialler.connect(listener.addresses().get(0)).block(TIMEOUT);

        listener.close().block(TIMEOUT);

        StepVerifier.create(connection.onClose()).expectComplete().verify(TIMEOUT);
        shared.disposeLater(Duration.ZERO, TIMEOUT).block(TIMEOUT);
    }

    @Test
    void close_onLoopsOfOthers_closesConnectionsThatHaveSaidNothing() throws IOException {
        LoopResources shared = LoopResources.create("shared", 1, true);
        PeerNode listener = started(PeerNode.builder().listen(loopback()).loops(shared));
        try (var silent = new Socket("127.0.0.1", listener.addresses().get(0).port())) {
            // The loop accepts in order, so the silent one is there when this one is.
            started(PeerNode.builder()).connect(listener.addresses().get(0)).block(TIMEOUT);
            CompletableFuture<Integer> end = end(silent);

            listener.close().block(TIMEOUT);

            assertThat(end.orTimeout(20, TimeUnit.SECONDS).join()).isEqualTo(-1);
        }
        shared.disposeLater(Duration.ZERO, TIMEOUT).block(TIMEOUT);
    }

    @Test
    void close_onLoopsOfOthers_endsSetUpsUnderWay() throws IOException {
        LoopResources shared = LoopResources.create("shared", 1, true);
        PeerNode dialler = started(PeerNode.builder().loops(shared).connectTimeout(TIMEOUT.multipliedBy(3)));
        try (var silent = new ServerSocket(0)) {
            CompletableFuture<PeerConnection> attempt = dialler.connect(
                            new PeerAddress("127.0.0.1", silent.getLocalPort()))
                    .toFuture();
            try (Socket accepted = silent.accept();
                    var received = new DataInputStream(accepted.getInputStream())) {
                accepted.setSoTimeout(Math.toIntExact(TIMEOUT.toMillis()));
                skipFrame(received);
                skipFrame(received);

                dialler.close().block(TIMEOUT);

                assertThat(attempt)
                        .failsWithin(TIMEOUT)
                        .withThrowableThat()
                        .withCauseInstanceOf(PeerUnavailableException.class);
                assertThat(received.readAllBytes()).as("until the end").isNotNull();
            }
        }
        shared.disposeLater(Duration.ZERO, TIMEOUT).block(TIMEOUT);
    }

    /** Three bytes of length, and as many as they say. */
    private static void skipFrame(DataInputStream received) throws IOException {
        received.skipNBytes((received.readUnsignedShort() << 8) + received.readUnsignedByte());
    }

    @Test
    void connect_afterClose_isUnavailable() {
        PeerNode listener = listening(loopback());
        PeerNode closed = started(PeerNode.builder());
        closed.close().block(TIMEOUT);

        StepVerifier.create(closed.connect(listener.addresses().get(0)))
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);
    }

    @Test
    void connection_withoutCalls_isClosedAfterTheIdleTimeout() {
        PeerNode listener = listening(loopback());
        PeerNode dialler = started(PeerNode.builder().idleTimeout(Duration.ofMillis(500)));
        PeerConnection connection = dialler.connect(listener.addresses().get(0)).block(TIMEOUT);

        StepVerifier.create(connection.onClose()).expectComplete().verify(TIMEOUT);
    }

    private static Mono<Boolean> ping(PeerConnection connection) {
        return Mono.using(
                () -> Request.ofMessage(Operation.DHT_PING, "", TIMEOUT, HelloMessage.getDefaultInstance()),
                request -> connection.request(request).doOnNext(Reply::release).thenReturn(true),
                Request::release);
    }

    private static Mono<Reply> answer() {
        return Mono.fromSupplier(() -> Reply.ofMessage(HelloMessage.getDefaultInstance()));
    }
}
