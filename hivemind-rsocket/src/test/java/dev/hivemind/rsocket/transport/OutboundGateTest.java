package dev.hivemind.rsocket.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.test.StepVerifier;

/** The gate before a socket that takes frames when it is told to, on a clock that moves when it is told to. */
class OutboundGateTest {

    private static final int PIECE = 256 << 10;
    private static final int HIGH_WATER = 4 * PIECE;
    private static final int FRAME = PIECE - 3;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final SlowSocket socket = new SlowSocket();
    private final OutboundGate gate = socket.behindGate(new GateLimits(HIGH_WATER, 16 * PIECE, PATIENCE));

    @AfterEach
    void close() {
        socket.close();
    }

    @Test
    void awaitRoom_belowHighWater_isAScalar() {
        send(3);

        assertThat(gate.awaitRoom()).isInstanceOf(Callable.class);
    }

    @Test
    void awaitRoom_atHighWater_waitsUntilBytesLeave() {
        send(4);

        StepVerifier.create(gate.awaitRoom())
                .expectSubscription()
                .then(() -> assertThat(gate.unsentBytes()).isEqualTo(HIGH_WATER))
                .then(() -> socket.take(1))
                .verifyComplete();
    }

    @Test
    void awaitRoom_ofManyProducers_letsThemGoInOrderAndNotBeyondHighWater() {
        List<Integer> order = new ArrayList<>();
        send(4);
        for (int i = 0; i < 10; i++) {
            int producer = i;
            gate.awaitRoom().subscribe(nothing -> {}, error -> {}, () -> {
                order.add(producer);
                send(1);
            });
        }

        for (int taken = 1; taken <= 10; taken++) {
            socket.take(1);
            assertThat(order).hasSize(taken);
            assertThat(gate.unsentBytes()).isLessThanOrEqualTo(HIGH_WATER);
        }
        assertThat(order)
                .containsExactlyElementsOf(IntStream.range(0, 10).boxed().toList());
    }

    @Test
    void awaitRoom_whileOthersWait_isNotOvertaken() {
        send(4);
        Producer first = new Producer();
        Producer second = new Producer();
        socket.take(1);

        assertThat(first.isLetGo()).isTrue();
        assertThat(second.isLetGo()).isFalse();
        assertThat(gate.awaitRoom()).isNotInstanceOf(Callable.class);
    }

    @Test
    void awaitRoom_ofProducersThatHandOverLater_keepsTheirRoom() {
        send(4);
        List<Producer> producers =
                IntStream.range(0, 10).mapToObj(i -> new Producer()).toList();

        socket.take(3);
        assertThat(producers).filteredOn(Producer::isLetGo).hasSize(3);
        send(3);
        socket.take(1);

        assertThat(producers).filteredOn(Producer::isLetGo).hasSize(4);
    }

    @Test
    void awaitRoom_ofProducersThatEndWithoutAPiece_doesNotHoldUpTheOthers() {
        send(4);
        List<Producer> producers =
                IntStream.range(0, 10).mapToObj(i -> new Producer()).toList();

        socket.take(4);
        assertThat(producers).filteredOn(Producer::isLetGo).hasSize(4);
        socket.pass(Duration.ofMillis(20));
        socket.pass(Duration.ofMillis(20));

        assertThat(producers).allMatch(Producer::isLetGo);
    }

    @Test
    void awaitRoom_cancelled_givesThePlaceUp() {
        send(4);
        Producer first = new Producer();
        Producer second = new Producer();

        first.cancel();
        socket.take(1);

        assertThat(first.isLetGo()).isFalse();
        assertThat(second.isLetGo()).isTrue();
    }

    @Test
    void awaitRoom_afterAllWaitersCancelled_isAScalarAgain() {
        send(4);
        new Producer().cancel();
        socket.take(4);

        assertThat(gate.awaitRoom()).isInstanceOf(Callable.class);
    }

    @Test
    void awaitRoom_whenTheConnectionCloses_fails() {
        send(4);

        StepVerifier.create(gate.awaitRoom())
                .expectSubscription()
                .then(socket::close)
                .verifyError(ClosedChannelException.class);
    }

    @Test
    void awaitRoom_afterTheConnectionClosed_fails() {
        socket.close();

        StepVerifier.create(gate.awaitRoom()).verifyError(ClosedChannelException.class);
    }

    @Test
    void sendFrame_beyondTheMostUnsent_closes() {
        send(16);
        assertThat(socket.isOpen()).isTrue();

        send(1);

        assertThat(socket.isOpen()).isFalse();
    }

    @Test
    void socket_thatTakesNothing_isClosed() {
        send(1);

        socket.pass(PATIENCE.minusSeconds(1));
        assertThat(socket.isOpen()).isTrue();
        socket.pass(Duration.ofSeconds(6));

        assertThat(socket.isOpen()).isFalse();
    }

    @Test
    void socket_thatTakesAFrameNowAndThen_staysOpen() {
        send(10);
        for (int i = 0; i < 9; i++) {
            socket.pass(Duration.ofSeconds(25));
            socket.take(1);
        }

        assertThat(socket.isOpen()).isTrue();
    }

    @Test
    void socket_thatTakesPartsOfAFrame_staysOpen() {
        send(1);
        for (int i = 0; i < 10; i++) {
            socket.pass(Duration.ofSeconds(25));
            socket.takePart(1);
        }

        assertThat(socket.isOpen()).isTrue();
    }

    @Test
    void socket_withNothingToTake_isNotWatched() {
        send(3);
        socket.take(3);

        socket.pass(PATIENCE.multipliedBy(2));

        assertThat(socket.isOpen()).isTrue();
        assertThat(socket.hasTimers()).isFalse();
    }

    @Test
    void socket_thatClosesWithSomethingToTake_isNotWatched() {
        send(1);

        socket.pipeline().close();

        assertThat(socket.hasTimers()).isFalse();
    }

    @Test
    void socket_thatIsWrittenToWhileItCloses_isNotWatched() {
        socket.closeFuture().addListener(closed -> send(1));

        socket.pipeline().close();

        assertThat(socket.hasTimers()).isFalse();
    }

    @Test
    void receive_whenTheConnectionBreaks_fails() {
        StepVerifier.create(gate.receive())
                .then(() -> socket.arriving.error(new ClosedChannelException()))
                .verifyError(ClosedChannelException.class);
    }

    @Test
    void receive_whenTheConnectionBreaksAfterItWasGivenUp_ends() {
        StepVerifier.create(gate.receive())
                .then(gate::dispose)
                .then(() -> socket.arriving.error(new ClosedChannelException()))
                .verifyComplete();
    }

    private void send(int frames) {
        for (int i = 0; i < frames; i++) {
            gate.sendFrame(1, Unpooled.wrappedBuffer(new byte[FRAME]));
        }
    }

    /** Waits for room, and hands nothing over by itself. */
    private final class Producer {

        private boolean letGo;
        private final Disposable waiting = gate.awaitRoom().subscribe(nothing -> {}, error -> {}, () -> letGo = true);

        boolean isLetGo() {
            return letGo;
        }

        void cancel() {
            waiting.dispose();
        }
    }
}
