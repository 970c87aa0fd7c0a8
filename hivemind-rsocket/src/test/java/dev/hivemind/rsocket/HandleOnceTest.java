package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.proto.HelloProofMessage;
import dev.hivemind.testkit.FaultProxy;
import io.netty.buffer.ByteBufAllocator;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.test.StepVerifier;

/** Calls that change state, over connections that break. */
class HandleOnceTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final PeerNode server =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final PeerNode client = PeerNode.builder().build();
    private final BlockingQueue<MonoSink<Reply>> runs = new LinkedBlockingQueue<>();
    private final BlockingQueue<PointOfNoReturn> points = new LinkedBlockingQueue<>();
    private final AtomicInteger cancelled = new AtomicInteger();
    private final Request request =
            Request.ofMessage(Operation.EXPERT_BACKWARD, "ffn.1", TIMEOUT, HelloProofMessage.getDefaultInstance());
    private FaultProxy proxy;

    @BeforeEach
    void start() {
        server.handleOnce(
                Operation.EXPERT_BACKWARD,
                (caller, call, point) -> Mono.create(end -> {
                    points.add(point);
                    end.onCancel(cancelled::incrementAndGet);
                    runs.add(end);
                }));
        server.start().block(TIMEOUT);
        proxy = FaultProxy.start(
                new InetSocketAddress("127.0.0.1", server.addresses().get(0).port()));
    }

    @AfterEach
    void close() {
        request.release();
        proxy.close();
        Mono.when(client.close(), server.close()).block(TIMEOUT);
    }

    private PeerConnection connect() {
        return client.connect(new PeerAddress("127.0.0.1", proxy.port())).block(TIMEOUT);
    }

    private static Reply reply(long value) {
        return new Reply(List.of(), ByteBufAllocator.DEFAULT.buffer(Long.BYTES).writeLong(value));
    }

    private Mono<Long> send(PeerConnection connection) {
        return connection.request(request).map(reply -> {
            long value = reply.body().getLong(reply.body().readerIndex());
            reply.release();
            return value;
        });
    }

    private static <T> T next(BlockingQueue<T> queue) {
        try {
            T value = queue.poll(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
            assertThat(value).isNotNull();
            return value;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void request_repeatedAfterTheConnectionBrokeBehindThePoint_answersFromTheFirstRun() {
        PeerConnection first = connect();
        StepVerifier.create(send(first))
                .then(() -> next(points).pass())
                .then(proxy::cut)
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);

        next(runs).success(reply(42));

        StepVerifier.create(send(connect())).expectNext(42L).expectComplete().verify(TIMEOUT);
        assertThat(runs).isEmpty();
        assertThat(cancelled).hasValue(0);
    }

    @Test
    void request_repeatedOnAnotherConnectionWhileItRuns_joinsTheRun() {
        PeerConnection first = connect();
        StepVerifier.create(send(first))
                .then(() -> next(points).pass())
                .then(proxy::cut)
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);

        StepVerifier.create(send(connect()))
                .then(() -> next(runs).success(reply(42)))
                .expectNext(42L)
                .expectComplete()
                .verify(TIMEOUT);
        assertThat(runs).isEmpty();
    }

    @Test
    void request_repeatedAfterTheConnectionBrokeBeforeThePoint_executes() {
        PeerConnection first = connect();
        var brokenOff = new LinkedBlockingQueue<Boolean>();
        StepVerifier.create(send(first))
                .then(() -> next(runs).onDispose(() -> brokenOff.add(true)))
                .then(proxy::cut)
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);
        next(brokenOff);

        assertThat(next(points).pass()).isFalse();
        StepVerifier.create(send(connect()))
                .then(() -> next(runs).success(reply(43)))
                .expectNext(43L)
                .expectComplete()
                .verify(TIMEOUT);
    }
}
