package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.testkit.FaultProxy;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** How many replies are made for a peer, over a real socket, that reads slowly or not at all. */
class UnreadRepliesTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final int MIB = 1 << 20;
    /** What the gate, the kernel and the proxy take besides what waits. */
    private static final int UNDER_WAY_MIB = 8;

    private static final int MOST_REPLIES = (int) (ConnectionLimits.DEFAULT.maxReplyBytes() / MIB) + UNDER_WAY_MIB;

    /** So many that those after them wait, however much the network takes; and all together fit on one connection. */
    private static final int CALLS_BEFORE = 2 * MOST_REPLIES - 10;

    private final PeerNode listener =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final PeerNode dialler = PeerNode.builder().build();
    private final AtomicInteger made = new AtomicInteger();
    private final CountDownLatch full = new CountDownLatch((int) (ConnectionLimits.DEFAULT.maxReplyBytes() / MIB));
    private FaultProxy proxy;

    @BeforeEach
    void start() {
        listener.handle(Operation.EXPERT_FORWARD, (caller, request) -> Mono.fromSupplier(this::make));
        listener.start().block(TIMEOUT);
        proxy = FaultProxy.start(
                new InetSocketAddress("127.0.0.1", listener.addresses().get(0).port()));
    }

    @AfterEach
    void close() {
        proxy.close();
        Flux.just(dialler, listener).flatMap(PeerNode::close).then().block(TIMEOUT);
    }

    private Reply make() {
        made.incrementAndGet();
        full.countDown();
        return Bodies.reply(MIB);
    }

    private PeerConnection connect() {
        return dialler.connect(new PeerAddress("127.0.0.1", proxy.port())).block(TIMEOUT);
    }

    private static Mono<Integer> call(PeerConnection connection) {
        return Mono.using(
                () -> Bodies.request(1).expectingReplyOf(MIB),
                request -> connection.request(request).map(Bodies::check),
                Request::release);
    }

    @Test
    void calls_whoseRepliesAreNotRead_waitBeforeTheirHandlerAndAreAnsweredLater() throws InterruptedException {
        PeerConnection connection = connect();
        proxy.toClient().blackHole();

        var sizes = Flux.range(0, 100)
                .flatMap(i -> call(connection), 100)
                .collectList()
                .toFuture();
        assertThat(full.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(made).hasValueLessThanOrEqualTo(MOST_REPLIES);
        proxy.heal();

        assertThat(sizes.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join())
                .hasSize(100)
                .containsOnly(MIB);
        assertThat(made).hasValue(100);
    }

    @Test
    void calls_cancelledWhileTheyWait_areNotServed() throws InterruptedException {
        var cancelArrived = new CountDownLatch(1);
        listener.handle(Operation.EXPERT_BACKWARD, (caller, request) -> Mono.fromRunnable(cancelArrived::countDown));
        PeerConnection connection = connect();
        proxy.toClient().blackHole();

        var sizes = Flux.range(0, CALLS_BEFORE)
                .flatMap(i -> call(connection), CALLS_BEFORE)
                .collectList()
                .toFuture();
        assertThat(full.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        Flux.range(0, 10).flatMap(i -> call(connection), 10).subscribe().dispose();
        Disposable later = Mono.using(UnreadRepliesTest::backward, connection::request, Request::release)
                .onErrorComplete()
                .subscribe(Reply::release);
        assertThat(cancelArrived.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        later.dispose();
        proxy.heal();

        assertThat(sizes.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join())
                .hasSize(CALLS_BEFORE)
                .containsOnly(MIB);
        assertThat(made).hasValue(CALLS_BEFORE);
    }

    private static Request backward() {
        return Request.ofTensors(Operation.EXPERT_BACKWARD, "x", TIMEOUT, List.of(Bodies.frame(1)));
    }
}
