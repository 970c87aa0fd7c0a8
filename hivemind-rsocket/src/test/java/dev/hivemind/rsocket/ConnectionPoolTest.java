package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.transport.SendWindow;
import io.rsocket.Payload;
import io.rsocket.RSocket;
import io.rsocket.util.EmptyPayload;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.Disposable;
import reactor.core.Scannable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;
import reactor.test.scheduler.VirtualTimeScheduler;

class ConnectionPoolTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final List<PeerAddress> HERE = List.of(new PeerAddress("192.0.2.1", 1));
    private static final List<PeerAddress> THERE = List.of(new PeerAddress("192.0.2.2", 2));

    private static final PeerId OWN = peer(100);

    private final VirtualTimeScheduler clock = VirtualTimeScheduler.create();
    private final ConnectionPool pool = pool(OWN, Duration.ofMinutes(5));

    @AfterEach
    void close() {
        pool.dispose();
    }

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
    void add_whileAnotherIsBeingClosed_closesNobody() {
        PeerConnection kept = connection(peer(0));
        PeerConnection closing = connection(peer(1), true, new LingeringSocket());
        List.of(kept, closing, connection(peer(2))).forEach(pool::add);

        closing.dispose();
        pool.add(connection(peer(3)));

        assertThat(kept.isDisposed()).isFalse();
    }

    @Test
    void add_ofAClosedConnection_closesNobody() {
        List<PeerConnection> connections =
                IntStream.range(0, 3).mapToObj(i -> connection(peer(i))).toList();
        connections.forEach(pool::add);
        PeerConnection closed = connection(peer(3));
        closed.dispose();

        pool.add(closed);

        assertThat(connections).noneMatch(PeerConnection::isDisposed);
    }

    @Test
    void onClose_ofAConnection_isNotWaitedForAfterItsRemoval() {
        var socket = new OpenSocket();
        pool.add(connection(peer(0), true, socket));
        assertThat(socket.listeners()).isEqualTo(1);

        IntStream.range(1, 4).forEach(i -> pool.add(connection(peer(i))));

        assertThat(socket.listeners()).isZero();
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
    void living_isWhatGetFindsWithoutDialling() {
        PeerConnection connection = connection(peer(0));
        pool.add(connection);

        assertThat(pool.living(peer(0))).isSameAs(connection);
        assertThat(pool.living(peer(1))).isNull();
        connection.dispose();
        assertThat(pool.living(peer(0))).isNull();
    }

    @Test
    void living_onceThePoolCloses_isNobody() {
        pool.add(connection(peer(0)));

        pool.drain(Duration.ZERO).subscribe();

        assertThat(pool.living(peer(0))).isNull();
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
    void get_afterAFailedDial_failsAtOnceAndThenDialsAgain() {
        PeerConnection dialled = connection(peer(0));
        StepVerifier.create(pool.get(peer(0), HERE, () -> Mono.error(new PeerUnavailableException("away"))))
                .verifyErrorMessage("away");

        StepVerifier.create(pool.get(peer(0), HERE, () -> Mono.just(dialled)))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(PeerUnavailableException.class)
                        .hasMessageContaining("next attempt in"))
                .verify(TIMEOUT);
        clock.advanceTimeBy(Duration.ofMillis(100));

        StepVerifier.create(pool.get(peer(0), HERE, () -> Mono.just(dialled)))
                .expectNext(dialled)
                .verifyComplete();
    }

    @Test
    void get_afterAFailedDial_dialsOtherAddressesAtOnce() {
        PeerConnection dialled = connection(peer(0));
        StepVerifier.create(pool.get(peer(0), HERE, () -> Mono.error(new PeerUnavailableException("away"))))
                .verifyErrorMessage("away");

        StepVerifier.create(pool.get(peer(0), THERE, () -> Mono.just(dialled)))
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

    @Test
    void adopt_whenAllOthersWereUsed_closesAnotherThanTheFreshConnection() {
        List<PeerConnection> used =
                IntStream.range(0, 3).mapToObj(i -> connection(peer(i))).toList();
        used.forEach(pool::add);
        used.forEach(connection -> call(connection).dispose());
        PeerConnection fresh = connection(peer(3));

        assertThat(pool.adopt(fresh)).isSameAs(fresh);

        assertThat(fresh.isDisposed()).isFalse();
        assertThat(used).extracting(PeerConnection::isDisposed).containsExactly(true, false, false);
    }

    /** Whatever each side learns first, both end with the connection that the lower id dialled. */
    @ParameterizedTest
    @CsvSource({"true,true", "true,false", "false,true", "false,false"})
    void connections_dialledFromBothSides_areResolvedAlikeOnBoth(boolean lowFirst, boolean highFirst) {
        List<PeerId> ids = Stream.of(peer(1), peer(2)).sorted().toList();
        ConnectionPool low = pool(ids.get(0), Duration.ZERO);
        ConnectionPool high = pool(ids.get(1), Duration.ZERO);
        PeerConnection lowDialled = connection(ids.get(1));
        PeerConnection lowAccepted = accepted(ids.get(1));
        PeerConnection highDialled = connection(ids.get(0));
        PeerConnection highAccepted = accepted(ids.get(0));

        learn(low, lowDialled, lowAccepted, lowFirst);
        learn(high, highDialled, highAccepted, highFirst);

        assertThat(connected(low, ids.get(1))).isSameAs(lowDialled);
        assertThat(connected(high, ids.get(0))).isSameAs(highAccepted);
        clock.advanceTimeBy(Duration.ofSeconds(15));
        assertThat(lowAccepted.isDisposed()).isTrue();
        assertThat(highDialled.isDisposed()).isTrue();
        assertThat(lowDialled.isDisposed()).isFalse();
        assertThat(highAccepted.isDisposed()).isFalse();
        low.dispose();
        high.dispose();
    }

    private static void learn(ConnectionPool pool, PeerConnection dialled, PeerConnection accepted, boolean first) {
        if (first) {
            pool.adopt(dialled);
        }
        pool.add(accepted);
        if (!first) {
            pool.adopt(dialled);
        }
    }

    @Test
    void loser_withACallUnderWay_closesAfterItHasEnded() {
        PeerConnection loser = addLoser();
        Disposable call = call(loser);
        clock.advanceTimeBy(Duration.ofSeconds(30));
        assertThat(loser.isDisposed()).isFalse();

        call.dispose();
        clock.advanceTimeBy(Duration.ofSeconds(15));

        assertThat(loser.isDisposed()).isTrue();
    }

    @Test
    void loser_withACallThatDoesNotEnd_closesAfterAMinute() {
        PeerConnection loser = addLoser();
        call(loser);

        clock.advanceTimeBy(Duration.ofSeconds(61));

        assertThat(loser.isDisposed()).isTrue();
    }

    private PeerConnection addLoser() {
        PeerId other = peer(0);
        PeerConnection dialled = connection(other);
        PeerConnection accepted = accepted(other);
        pool.add(accepted);
        pool.adopt(dialled);
        return OWN.compareTo(other) < 0 ? accepted : dialled;
    }

    @Test
    void connection_withoutCalls_isClosedAfterTheIdleTimeout() {
        PeerConnection idle = connection(peer(0));
        pool.add(idle);

        clock.advanceTimeBy(Duration.ofMinutes(5).minusSeconds(1));
        assertThat(idle.isDisposed()).isFalse();
        clock.advanceTimeBy(Duration.ofSeconds(2));

        assertThat(idle.isDisposed()).isTrue();
    }

    @Test
    void connection_withACallUnderWay_isNotIdle() {
        PeerConnection busy = connection(peer(0));
        pool.add(busy);
        call(busy);

        clock.advanceTimeBy(Duration.ofHours(1));

        assertThat(busy.isDisposed()).isFalse();
    }

    @Test
    void connection_withoutIdleTimeout_staysOpen() {
        ConnectionPool patient = pool(OWN, Duration.ZERO);
        PeerConnection idle = connection(peer(0));
        patient.add(idle);

        clock.advanceTimeBy(Duration.ofDays(1));

        assertThat(idle.isDisposed()).isFalse();
        patient.dispose();
    }

    @Test
    void add_beyondTheBound_keepsThoseThatServeCalls() {
        List<PeerConnection> connections =
                IntStream.range(0, 3).mapToObj(i -> accepted(peer(i))).toList();
        connections.forEach(pool::add);
        serve(connections.get(0)).dispose();

        pool.add(connection(peer(3)));
        pool.add(connection(peer(4)));

        assertThat(connections).extracting(PeerConnection::isDisposed).containsExactly(false, true, true);
    }

    @Test
    void drain_withACallUnderWay_waitsForItAndRefusesOthers() {
        PeerConnection connection = connection(peer(0));
        pool.add(connection);
        Disposable call = call(connection);

        StepVerifier.create(pool.drain(Duration.ofSeconds(5)))
                .then(() -> clock.advanceTimeBy(Duration.ofSeconds(4)))
                .then(() -> StepVerifier.create(pool.get(peer(0), HERE, Mono::never))
                        .expectError(PeerUnavailableException.class)
                        .verify(TIMEOUT))
                .then(call::dispose)
                .then(() -> clock.advanceTimeBy(Duration.ofMillis(100)))
                .expectComplete()
                .verify(TIMEOUT);
        assertThat(connection.isDisposed()).isFalse();
    }

    @Test
    void drain_withACallThatDoesNotEnd_endsInTime() {
        PeerConnection connection = connection(peer(0));
        pool.add(connection);
        call(connection);

        StepVerifier.create(pool.drain(Duration.ofSeconds(5)))
                .then(() -> clock.advanceTimeBy(Duration.ofSeconds(5)))
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void drain_begun_refusesNewCalls() {
        PeerConnection connection = connection(peer(0));
        pool.add(connection);
        pool.drain(Duration.ZERO).subscribe();

        StepVerifier.create(connection.activity().countCalls(new OpenSocket()).requestResponse(EmptyPayload.INSTANCE))
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);
    }

    private ConnectionPool pool(PeerId own, Duration idleTimeout) {
        return new ConnectionPool(new PoolSettings(own, 3, idleTimeout), clock, new SplittableRandom(5));
    }

    /** Begins a call that does not end before it is disposed. */
    private static Disposable call(PeerConnection connection) {
        return connection
                .activity()
                .countCalls(new OpenSocket())
                .requestResponse(EmptyPayload.INSTANCE)
                .subscribe();
    }

    private static Disposable serve(PeerConnection connection) {
        return connection
                .activity()
                .countServed(new OpenSocket())
                .requestResponse(EmptyPayload.INSTANCE)
                .subscribe();
    }

    private PeerConnection connected(PeerId id) {
        return connected(pool, id);
    }

    private static PeerConnection connected(ConnectionPool pool, PeerId id) {
        return pool.get(id, List.of(), Mono::empty).block(TIMEOUT);
    }

    private static PeerId peer(int index) {
        return identity(index).id();
    }

    private static PeerIdentity identity(int index) {
        byte[] seed = new byte[32];
        seed[0] = (byte) index;
        return PeerIdentity.fromSeed(seed);
    }

    private static PeerIdentity identity(PeerId id) {
        return IntStream.range(0, 256)
                .mapToObj(ConnectionPoolTest::identity)
                .filter(identity -> identity.id().equals(id))
                .findFirst()
                .orElseThrow();
    }

    private PeerConnection connection(PeerId id) {
        return connection(id, true);
    }

    private PeerConnection accepted(PeerId id) {
        return connection(id, false);
    }

    private PeerConnection connection(PeerId id, boolean dialled) {
        return connection(id, dialled, new OpenSocket());
    }

    private PeerConnection connection(PeerId id, boolean dialled, RSocket rsocket) {
        var link = new Link(rsocket, new OpenWindow(), new LinkActivity(dialled, pool::isClosing), CallMeters.of(null));
        return new PeerConnection(Hello.of(identity(id), List.of()), link, TestCalls.none());
    }

    /** Lives until it is disposed. */
    static final class OpenSocket implements RSocket {

        private final Sinks.Empty<Void> closed = Sinks.empty();

        @Override
        public Mono<Payload> requestResponse(Payload payload) {
            return Mono.never();
        }

        @Override
        public void dispose() {
            closed.tryEmitEmpty();
        }

        @Override
        public boolean isDisposed() {
            return Boolean.TRUE.equals(closed.scan(Scannable.Attr.TERMINATED));
        }

        @Override
        public Mono<Void> onClose() {
            return closed.asMono();
        }

        /** How many wait for the end of this connection. */
        int listeners() {
            return closed.currentSubscriberCount();
        }
    }

    /** Says that it is disposed long before it has closed. */
    private static final class LingeringSocket implements RSocket {

        private boolean disposed;

        @Override
        public void dispose() {
            disposed = true;
        }

        @Override
        public boolean isDisposed() {
            return disposed;
        }

        @Override
        public Mono<Void> onClose() {
            return Mono.never();
        }
    }

    static final class OpenWindow implements SendWindow {

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
