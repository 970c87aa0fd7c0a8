package dev.hivemind.dht.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.hivemind.dht.Swarm;
import dev.hivemind.dht.proto.EntryMessage;
import dev.hivemind.dht.proto.FindReplyMessage;
import dev.hivemind.dht.proto.FindRequestMessage;
import dev.hivemind.dht.proto.PingReplyMessage;
import dev.hivemind.dht.proto.PingRequestMessage;
import dev.hivemind.dht.proto.RecordMessage;
import dev.hivemind.dht.proto.StoreReplyMessage;
import dev.hivemind.dht.proto.StoreRequestMessage;
import dev.hivemind.dht.proto.StoreStatus;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

/** What a node makes of messages that no well-behaved peer sends: a typed error, and it goes on serving. */
class HostileMessagesTest {

    private static final Duration TIMEOUT = Swarm.TIMEOUT;
    private static final ByteString ID = ByteString.copyFrom(new byte[32]);

    private final Swarm swarm = new Swarm(3, node -> node);
    private PeerConnection connection;

    @BeforeEach
    void connect() {
        swarm.grow(1);
        connection =
                swarm.diallingPeer().connect(swarm.get(0).addresses().get(0)).block(TIMEOUT);
    }

    @AfterEach
    void stillServes() {
        PingReplyMessage pong = send(Operation.DHT_PING, PingRequestMessage.getDefaultInstance())
                .map(reply -> read(reply, PingReplyMessage.parser()))
                .block(TIMEOUT);
        assertThat(pong.getClockMillis()).isPositive();
        swarm.close();
    }

    private Mono<Reply> send(Operation operation, MessageLite message) {
        return send(() -> Request.ofMessage(operation, "", TIMEOUT, message));
    }

    private Mono<Reply> send(Callable<Request> request) {
        return Mono.using(request, connection::request, Request::release);
    }

    private static <M extends MessageLite> M read(Reply reply, Parser<M> parser) {
        try {
            return reply.message(parser);
        } finally {
            reply.release();
        }
    }

    private void assertViolation(Operation operation, MessageLite message) {
        StepVerifier.create(send(operation, message))
                .expectError(ProtocolViolationException.class)
                .verify(TIMEOUT);
    }

    private List<StoreStatus> store(RecordMessage... records) {
        var message =
                StoreRequestMessage.newBuilder().addAllRecords(List.of(records)).build();
        return send(Operation.DHT_STORE, message)
                .map(reply -> read(reply, StoreReplyMessage.parser()).getStatusesList())
                .block(TIMEOUT);
    }

    private static RecordMessage record(int keyBytes, int valueBytes, Instant expiresAt) {
        return RecordMessage.newBuilder()
                .setKey(ByteString.copyFrom(new byte[keyBytes]))
                .setEntry(EntryMessage.newBuilder()
                        .setValue(ByteString.copyFrom(new byte[valueBytes]))
                        .setExpiresAtMillis(expiresAt.toEpochMilli()))
                .build();
    }

    private static StoreRequestMessage request(RecordMessage record) {
        return StoreRequestMessage.newBuilder().addRecords(record).build();
    }

    private static Instant soon() {
        return Instant.now().plusSeconds(60);
    }

    @Test
    void find_ofTooManyTargets_isAViolation() {
        assertViolation(
                Operation.DHT_FIND,
                FindRequestMessage.newBuilder()
                        .addAllTargets(Collections.nCopies(17, ID))
                        .build());
    }

    @Test
    void find_ofNoTarget_isAViolation() {
        assertViolation(Operation.DHT_FIND, FindRequestMessage.getDefaultInstance());
    }

    @Test
    void find_ofATargetOfAnotherLength_isAViolation() {
        assertViolation(
                Operation.DHT_FIND,
                FindRequestMessage.newBuilder()
                        .addTargets(ByteString.copyFrom(new byte[31]))
                        .build());
    }

    @Test
    void find_ofTheMostTargets_isAnswered() {
        var message = FindRequestMessage.newBuilder()
                .addAllTargets(Collections.nCopies(16, ID))
                .build();

        FindReplyMessage answer = send(Operation.DHT_FIND, message)
                .map(reply -> read(reply, FindReplyMessage.parser()))
                .block(TIMEOUT);

        assertThat(answer.getResultsCount()).isEqualTo(16);
    }

    @Test
    void store_ofTooManyRecords_isAViolation() {
        assertViolation(
                Operation.DHT_STORE,
                StoreRequestMessage.newBuilder()
                        .addAllRecords(Collections.nCopies(65, record(1, 1, soon())))
                        .build());
    }

    @Test
    void store_ofAnOversizedKey_isAViolation() {
        assertViolation(Operation.DHT_STORE, request(record(257, 1, soon())));
    }

    @Test
    void store_ofAnOversizedValue_isAViolation() {
        assertViolation(Operation.DHT_STORE, request(record(1, 16 * 1024 + 1, soon())));
    }

    @Test
    void store_ofAnOversizedSubkey_isAViolation() {
        var record = record(1, 1, soon()).toBuilder();
        record.getEntryBuilder().setSubkey(ByteString.copyFrom(new byte[257]));

        assertViolation(Operation.DHT_STORE, request(record.build()));
    }

    @Test
    void store_ofExpiredAndEndlessRecords_isRefusedOneByOne() {
        assertThat(store(
                        record(1, 1, Instant.now().minusSeconds(1)),
                        record(2, 1, Instant.now().plus(Duration.ofDays(2))),
                        record(3, 1, Instant.ofEpochMilli(Long.MAX_VALUE)),
                        record(4, 1, Instant.ofEpochMilli(Long.MIN_VALUE)),
                        record(5, 1, soon())))
                .containsExactly(
                        StoreStatus.STORE_STATUS_EXPIRED,
                        StoreStatus.STORE_STATUS_TOO_LONG_LIVED,
                        StoreStatus.STORE_STATUS_TOO_LONG_LIVED,
                        StoreStatus.STORE_STATUS_EXPIRED,
                        StoreStatus.STORE_STATUS_STORED);
        assertThat(swarm.get(0).snapshot().block(TIMEOUT).records()).isEqualTo(1);
    }

    @Test
    void anyOperation_withAnOversizedBody_isAViolation() {
        for (Operation operation : List.of(Operation.DHT_PING, Operation.DHT_FIND, Operation.DHT_STORE)) {
            var header = new FrameHeader(operation, "", CallId.random(), Deadline.after(TIMEOUT), 0, List.of());

            StepVerifier.create(send(() -> new Request(header, Unpooled.wrappedBuffer(new byte[(2 << 20) + 1]))))
                    .expectErrorSatisfies(error -> assertThat(error)
                            .isInstanceOf(ProtocolViolationException.class)
                            .hasMessageContaining("at most 2097152"))
                    .verify(TIMEOUT);
        }
    }

    @Test
    void find_answeredWithAnOversizedBody_isAViolation() {
        PeerNode hostile = swarm.listeningPeer();
        hostile.handle(
                Operation.DHT_FIND,
                (caller, request) -> Mono.just(new Reply(List.of(), Unpooled.wrappedBuffer(new byte[(1 << 20) + 1]))));
        var rpc = new EncodedDhtRpc(new RSocketDhtTransport(swarm.diallingPeer()), TIMEOUT, Schedulers.parallel());

        StepVerifier.create(rpc.find(
                        Contact.of(hostile.id(), hostile.addresses()), new FindRequest(List.of(NodeId.ZERO), true)))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(ProtocolViolationException.class)
                        .hasMessageContaining("at most 1048576"))
                .verify(TIMEOUT);
    }

    @Test
    void anyOperation_withGarbageBytes_isAViolationOrAnswered() {
        var random = new Random(9);
        List<Operation> operations = List.of(Operation.DHT_PING, Operation.DHT_FIND, Operation.DHT_STORE);
        for (int i = 0; i < 500; i++) {
            byte[] garbage = new byte[random.nextInt(200)];
            random.nextBytes(garbage);
            Operation operation = operations.get(i % operations.size());
            var header = new FrameHeader(operation, "", CallId.random(), Deadline.after(TIMEOUT), 0, List.of());

            Mono<Boolean> outcome = send(() -> new Request(header, Unpooled.wrappedBuffer(garbage)))
                    .doOnNext(Reply::release)
                    .map(reply -> true)
                    .onErrorResume(ProtocolViolationException.class, error -> Mono.just(false));

            assertThat(outcome.block(TIMEOUT)).isNotNull();
        }
    }
}
