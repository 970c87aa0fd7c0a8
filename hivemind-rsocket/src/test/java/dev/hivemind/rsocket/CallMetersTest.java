package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.frame.Route;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.proto.HelloProofMessage;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

class CallMetersTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final int REPLY_BYTES = 100;

    private final SimpleMeterRegistry clientMeters = new SimpleMeterRegistry();
    private final SimpleMeterRegistry serverMeters = new SimpleMeterRegistry();
    private final PeerNode server = PeerNode.builder()
            .listen(new PeerAddress("127.0.0.1", 0))
            .meters(serverMeters)
            .build();
    private final PeerNode client = PeerNode.builder().meters(clientMeters).build();
    private PeerConnection connection;

    @BeforeEach
    void connect() {
        server.start().block(TIMEOUT);
        connection = client.connect(server.addresses().get(0)).block(TIMEOUT);
    }

    @AfterEach
    void close() {
        Mono.when(client.close(), server.close()).block(TIMEOUT);
    }

    private void call(Operation operation) {
        Request request = Request.ofMessage(operation, "", TIMEOUT, HelloProofMessage.getDefaultInstance());
        connection
                .request(request)
                .doOnNext(Reply::release)
                .then()
                .onErrorComplete()
                .block(TIMEOUT);
        request.release();
    }

    private static Reply answer() {
        return new Reply(List.of(), ByteBufAllocator.DEFAULT.buffer(REPLY_BYTES).writeZero(REPLY_BYTES));
    }

    @Test
    void request_thatIsAnswered_isTimedOnBothSides() {
        server.handle(Operation.DHT_PING, (caller, request) -> Mono.fromSupplier(CallMetersTest::answer));

        call(Operation.DHT_PING);

        assertThat(clientMeters
                        .get("hivemind.rpc.calls")
                        .tags("side", "client", "operation", "dht_ping", "outcome", "ok")
                        .timer()
                        .count())
                .isEqualTo(1);
        assertThat(serverMeters
                        .get("hivemind.rpc.calls")
                        .tags("side", "server", "operation", "dht_ping", "outcome", "ok")
                        .timer()
                        .count())
                .isEqualTo(1);
    }

    @Test
    void request_thatFails_isTimedUnderTheNameOfItsError() {
        server.handle(
                Operation.DHT_PING,
                (caller, request) -> Mono.error(new OverloadedException("full", Duration.ofMillis(1))));

        call(Operation.DHT_PING);

        assertThat(clientMeters
                        .get("hivemind.rpc.calls")
                        .tags("outcome", "overloaded")
                        .timer()
                        .count())
                .isEqualTo(1);
    }

    @Test
    void stream_whoseCallsEndOneByOne_timesEachAtTheCaller() {
        server.handle(Operation.DHT_PING, (caller, request) -> Mono.fromSupplier(CallMetersTest::answer));
        Flux<Request> requests = Flux.range(0, 3)
                .map(i -> Request.ofMessage(Operation.DHT_PING, "", TIMEOUT, HelloProofMessage.getDefaultInstance()));

        connection.stream(new Route(Operation.DHT_PING, ""), requests)
                .doOnNext(Reply::release)
                .then()
                .block(TIMEOUT);

        assertThat(clientMeters
                        .get("hivemind.rpc.calls")
                        .tags("side", "client", "operation", "dht_ping", "outcome", "ok")
                        .timer()
                        .count())
                .isEqualTo(3);
        assertThat(inFlight()).isZero();
    }

    @Test
    void stream_thatIsCancelled_leavesNoCallInFlight() {
        server.handle(Operation.DHT_PING, (caller, request) -> Mono.never());
        Sinks.Empty<Void> sent = Sinks.empty();
        Flux<Request> requests = Mono.fromSupplier(() ->
                        Request.ofMessage(Operation.DHT_PING, "", TIMEOUT, HelloProofMessage.getDefaultInstance()))
                .concatWith(Mono.fromRunnable(sent::tryEmitEmpty));

        StepVerifier.create(connection.stream(new Route(Operation.DHT_PING, ""), requests))
                .then(() -> sent.asMono().block(TIMEOUT))
                .thenCancel()
                .verify(TIMEOUT);

        assertThat(inFlight()).isZero();
        assertThat(clientMeters
                        .get("hivemind.rpc.calls")
                        .tags("side", "client", "outcome", "cancelled")
                        .timer()
                        .count())
                .isEqualTo(1);
    }

    @Test
    void subscribe_thatEnds_isTimedWithItsBytes() {
        server.handleSubscription(
                Operation.DHT_PING, (caller, request) -> Flux.range(0, 2).map(i -> answer()));
        Request request = Request.ofMessage(Operation.DHT_PING, "", TIMEOUT, HelloProofMessage.getDefaultInstance());

        connection.subscribe(request).doOnNext(Reply::release).then().block(TIMEOUT);
        request.release();

        assertThat(clientMeters
                        .get("hivemind.rpc.calls")
                        .tags("side", "client", "outcome", "ok")
                        .timer()
                        .count())
                .isEqualTo(1);
        assertThat(clientMeters
                        .get("hivemind.wire.bytes")
                        .tags("direction", "in")
                        .counter()
                        .count())
                .isEqualTo(2.0 * REPLY_BYTES);
    }

    @Test
    void request_thatIsCancelled_isNoLongerInFlight() {
        server.handle(Operation.DHT_PING, (caller, request) -> Mono.never());
        Request request = Request.ofMessage(Operation.DHT_PING, "", TIMEOUT, HelloProofMessage.getDefaultInstance());

        StepVerifier.create(connection.request(request))
                .then(() -> assertThat(inFlight()).isEqualTo(1))
                .thenCancel()
                .verify(TIMEOUT);
        request.release();

        assertThat(inFlight()).isZero();
        assertThat(clientMeters
                        .get("hivemind.rpc.calls")
                        .tags("outcome", "cancelled")
                        .timer()
                        .count())
                .isEqualTo(1);
    }

    private double inFlight() {
        return clientMeters
                .get("hivemind.rpc.in.flight")
                .tags("side", "client")
                .gauge()
                .value();
    }

    @Test
    void wireBytes_afterACall_areThoseOfItsBodies() {
        server.handle(Operation.DHT_PING, (caller, request) -> Mono.fromSupplier(CallMetersTest::answer));

        call(Operation.DHT_PING);

        assertThat(clientMeters
                        .get("hivemind.wire.bytes")
                        .tags("direction", "in")
                        .counter()
                        .count())
                .isEqualTo(REPLY_BYTES);
        assertThat(serverMeters
                        .get("hivemind.wire.bytes")
                        .tags("direction", "out")
                        .counter()
                        .count())
                .isEqualTo(REPLY_BYTES);
    }

    @Test
    void gauges_ofANode_showItsConnections() {
        assertThat(clientMeters.get("hivemind.wire.connections").gauge().value())
                .isEqualTo(1);
        assertThat(clientMeters.get("hivemind.wire.unsent").gauge().value()).isNotNegative();
    }

    @Test
    void gauges_ofAClosedNode_areGone() {
        client.close().block(TIMEOUT);

        assertThat(clientMeters.find("hivemind.wire.connections").gauge()).isNull();
        assertThat(clientMeters.find("hivemind.rpc.in.flight").gauges()).isEmpty();
    }

    @Test
    void roundTrip_afterSetUp_isKnown() {
        assertThat(connection.roundTrip()).isPositive();
        assertThat(clientMeters.get("hivemind.rpc.round.trip").timer().count()).isEqualTo(1);
    }
}
