package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.transport.SendWindow;
import io.rsocket.RSocket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

class ConnectionPoolTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final List<PeerAddress> HERE = List.of(new PeerAddress("192.0.2.1", 1));
    private static final List<PeerAddress> THERE = List.of(new PeerAddress("192.0.2.2", 2));

    private final ConnectionPool pool = new ConnectionPool(3);

    @Test
    void add_beyondTheBound_closesTheLeastRecentlyUsed() {
        List<PeerConnection> connections =
                IntStream.range(0, 3).mapToObj(i -> connection(peer(i))).toList();
        connections.forEach(pool::add);
        IntStream.range(0, 5).forEach(i -> connected(peer(0)));

        pool.add(connection(peer(3)));
        pool.add(connection(peer(4)));

        assertThat(connections).extracting(PeerConnection::isDisposed).containsExactly(false, true, true);
    }

    @Test
    void add_ofManyConnectionsToOnePeer_countsEachOfThem() {
        List<PeerConnection> connections =
                IntStream.range(0, 10).mapToObj(i -> connection(peer(0))).toList();

        connections.forEach(pool::add);

        assertThat(connections.stream().filter(connection -> !connection.isDisposed()))
                .containsExactlyElementsOf(connections.subList(7, 10));
    }

    @Test
    void add_afterOthersClosed_closesNobody() {
        PeerConnection kept = connection(peer(0));
        pool.add(kept);
        for (int i = 1; i < 10; i++) {
            PeerConnection passing = connection(peer(i));
            pool.add(passing);
            passing.dispose();
        }

        assertThat(connected(peer(0))).isSameAs(kept);
        assertThat(kept.isDisposed()).isFalse();
    }

    @Test
    void add_afterDispose_closesTheConnection() {
        pool.dispose();
        PeerConnection late = connection(peer(0));

        pool.add(late);

        assertThat(late.isDisposed()).isTrue();
    }

    @Test
    void get_afterThePreferredConnectionClosed_findsTheOther() {
        PeerConnection first = connection(peer(0));
        PeerConnection second = connection(peer(0));
        pool.add(first);
        pool.add(second);

        second.dispose();

        assertThat(connected(peer(0))).isSameAs(first);
    }

    @Test
    void get_failingForManyPeers_closesNoLiveConnection() {
        List<PeerConnection> connections =
                IntStream.range(0, 3).mapToObj(i -> connection(peer(i))).toList();
        connections.forEach(pool::add);

        for (int i = 10; i < 50; i++) {
            StepVerifier.create(pool.get(peer(i), HERE, () -> Mono.error(new PeerUnavailableException("away"))))
                    .verifyErrorMessage("away");
        }

        assertThat(connections).noneMatch(PeerConnection::isDisposed);
    }

    @Test
    void get_withTheSameAddresses_sharesTheDial() {
        var dials = new AtomicInteger();
        Sinks.One<PeerConnection> answer = Sinks.one();
        Mono<PeerConnection> get = pool.get(peer(0), HERE, () -> {
            dials.incrementAndGet();
            return answer.asMono().map(pool::adopt);
        });
        PeerConnection dialled = connection(peer(0));

        StepVerifier.create(Mono.zip(get, get))
                .then(() -> answer.tryEmitValue(dialled))
                .expectNextMatches(both -> both.getT1() == dialled && both.getT2() == dialled)
                .expectComplete()
                .verify(TIMEOUT);
        assertThat(dials).hasValue(1);
    }

    @Test
    void get_withOtherAddresses_doesNotWaitForTheDialUnderWay() {
        StepVerifier.create(pool.get(peer(0), HERE, Mono::never)).thenCancel().verify(TIMEOUT);
        PeerConnection dialled = connection(peer(0));

        StepVerifier.create(pool.get(peer(0), THERE, () -> Mono.just(dialled)))
                .expectNext(dialled)
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void get_givenUpByItsCaller_goesOnDialling() {
        Sinks.One<PeerConnection> answer = Sinks.one();
        StepVerifier.create(pool.get(peer(0), HERE, () -> answer.asMono().map(pool::adopt)))
                .thenCancel()
                .verify(TIMEOUT);
        PeerConnection dialled = connection(peer(0));

        answer.tryEmitValue(dialled);

        assertThat(connected(peer(0))).isSameAs(dialled);
    }

    @Test
    void get_afterAFailedDial_dialsAgain() {
        PeerConnection dialled = connection(peer(0));
        StepVerifier.create(pool.get(peer(0), HERE, () -> Mono.error(new PeerUnavailableException("away"))))
                .verifyErrorMessage("away");

        StepVerifier.create(pool.get(peer(0), HERE, () -> Mono.just(dialled)))
                .expectNext(dialled)
                .verifyComplete();
    }

    @Test
    void adopt_ofAConnectedPeer_closesTheFreshConnection() {
        PeerConnection known = connection(peer(0));
        PeerConnection fresh = connection(peer(0));
        pool.add(known);

        assertThat(pool.adopt(fresh)).isSameAs(known);
        assertThat(fresh.isDisposed()).isTrue();
        assertThat(known.isDisposed()).isFalse();
    }

    private PeerConnection connected(PeerId id) {
        return pool.get(id, List.of(), Mono::empty).block(TIMEOUT);
    }

    private static PeerId peer(int index) {
        byte[] seed = new byte[32];
        seed[0] = (byte) index;
        return PeerIdentity.fromSeed(seed).id();
    }

    private static PeerConnection connection(PeerId id) {
        return new PeerConnection(
                id, List.of(), new Link(new OpenSocket(), new OpenWindow()), new PayloadCodec(65_536));
    }

    /** Lives until it is disposed. */
    private static final class OpenSocket implements RSocket {

        private boolean disposed;

        @Override
        public void dispose() {
            disposed = true;
        }

        @Override
        public boolean isDisposed() {
            return disposed;
        }
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
}
