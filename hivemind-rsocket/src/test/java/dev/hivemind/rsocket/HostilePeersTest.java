package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.proto.HelloMessage;
import dev.hivemind.testkit.BufferCensus;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.retry.Retry;

/**
 * Plays every {@link Attack} of the table against a node over real sockets. Each states what the attacker gets and how
 * many bytes the node holds at most; meanwhile an honest peer is served, and the log stays quiet.
 */
class HostilePeersTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final Duration TO_PROVE = Duration.ofSeconds(2);
    private static final Duration TO_GO_ON = Duration.ofMillis(300);
    private static final int MAX_LOG_LINES = 3;

    private final Queue<ILoggingEvent> warnings = new ConcurrentLinkedQueue<>();
    private final AppenderBase<ILoggingEvent> appender = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            if (event.getLevel().isGreaterOrEqual(Level.WARN)) {
                warnings.add(event);
            }
        }
    };
    private final Logger log = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    private PeerNode node;
    private PeerNode honest;
    private PeerConnection beside;

    @BeforeEach
    void watchLog() {
        appender.start();
        log.addAppender(appender);
    }

    private void start(Attack.End end) {
        node = PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", 0))
                .connectTimeout(end == Attack.End.UNPROVEN ? TO_PROVE : TIMEOUT)
                .stallTimeout(end == Attack.End.STALLED ? TO_GO_ON : TIMEOUT)
                .inboundBudget(CallAttacks.BUDGET)
                .build();
        node.handle(
                Operation.DHT_PING,
                (peer, request) -> Mono.fromSupplier(() -> Reply.ofMessage(HelloMessage.getDefaultInstance())));
        node.handle(Operation.EXPERT_INFO, (peer, request) -> Mono.never());
        node.handle(Operation.EXPERT_FORWARD, (peer, request) -> Mono.fromSupplier(() -> Bodies.reply(8)));
        node.handle(Operation.EXPERT_BACKWARD, (peer, request) -> Mono.fromSupplier(HostilePeersTest::largeReply));
        node.handleSubscription(
                Operation.EVENTS, (peer, request) -> Flux.generate(replies -> replies.next(largeReply())));
        node.start().block(TIMEOUT);
        honest = PeerNode.builder().build();
        beside = proven(honest).block(TIMEOUT);
    }

    /** A slow machine may need several attempts to prove who it is in {@link #TO_PROVE}. */
    private Mono<PeerConnection> proven(PeerNode peer) {
        return peer.connect(node.addresses().get(0))
                .flatMap(connection -> ping(connection).thenReturn(connection))
                .retryWhen(Retry.max(9).filter(PeerUnavailableException.class::isInstance));
    }

    private static Reply largeReply() {
        return Bodies.reply(PayloadCodec.MAX_BODY_BYTES);
    }

    @AfterEach
    void close() {
        honest.close().block(TIMEOUT);
        node.close().block(TIMEOUT);
        log.detachAppender(appender);
        assertThat(warnings)
                .extracting(ILoggingEvent::getFormattedMessage)
                .as("lines in the log")
                .hasSizeLessThanOrEqualTo(MAX_LOG_LINES);
    }

    static Stream<Attack> attacks() {
        return Attacks.table(5_000);
    }

    static Stream<Attack> floods() {
        return CallAttacks.floods(200_000);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("attacks")
    void attack_ofTheTable_isBoundedAndHonestPeersAreServed(Attack attack) throws IOException {
        play(attack);
    }

    @Tag("soak")
    @ParameterizedTest(name = "{0}")
    @MethodSource("floods")
    void flood_ofFullSize_isBoundedAndHonestPeersAreServed(Attack attack) throws IOException {
        play(attack);
    }

    private void play(Attack attack) throws IOException {
        start(attack.end());
        Sinks.Many<Integer> served = Sinks.many().replay().latest();
        try (BufferCensus census = BufferCensus.open();
                var arena = new Arena(node.addresses().get(0), served.asFlux())) {
            var playing = new AtomicBoolean(true);
            CompletableFuture<Void> calls = pings(served, playing).toFuture();
            assertThat(attack.code().play(arena)).as("what the attacker gets").isEqualTo(attack.gets());
            arena.awaitHonestCalls(5);
            playing.set(false);
            assertThat(calls).as("honest calls").succeedsWithin(TIMEOUT);
            assertNewPeersAreServed();
            assertThat(census.mostBytes()).as("bytes held").isLessThanOrEqualTo(attack.heldBytes());
        }
    }

    /** One honest call after another, on a connection of their own; fails with the first that does. */
    private Mono<Void> pings(Sinks.Many<Integer> served, AtomicBoolean playing) {
        return Mono.defer(() -> ping(beside))
                .repeat(playing::get)
                .index()
                .doOnNext(reply -> served.tryEmitNext(Math.toIntExact(reply.getT1())))
                .then();
    }

    private static Mono<Boolean> ping(PeerConnection peer) {
        return Mono.using(
                () -> Request.ofMessage(Operation.DHT_PING, "", TIMEOUT, HelloMessage.getDefaultInstance()),
                request -> peer.request(request).map(reply -> reply.body().release()),
                Request::release);
    }

    private void assertNewPeersAreServed() {
        PeerNode other = PeerNode.builder().build();
        proven(other).block(TIMEOUT);
        other.close().block(TIMEOUT);
    }

    /** Where an attack is played; holds its connections until it was judged. */
    static final class Arena implements java.io.Closeable {

        private final PeerAddress address;
        private final Flux<Integer> honestCalls;
        private final List<RawClient> clients = new java.util.ArrayList<>();

        Arena(PeerAddress address, Flux<Integer> honestCalls) {
            this.address = address;
            this.honestCalls = honestCalls;
        }

        RawClient connect() throws IOException {
            RawClient client = RawClient.connect(address);
            clients.add(client);
            return client;
        }

        RawClient proven() throws IOException {
            RawClient client = connect();
            client.prove();
            return client;
        }

        /** Returns when the honest peer was served so many times more. */
        void awaitHonestCalls(int calls) {
            honestCalls.take(calls + 1L).blockLast(TIMEOUT);
        }

        @Override
        public void close() throws IOException {
            for (RawClient client : clients) {
                client.close();
            }
        }
    }
}
