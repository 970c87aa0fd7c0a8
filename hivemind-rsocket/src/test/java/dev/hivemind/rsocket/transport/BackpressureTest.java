package dev.hivemind.rsocket.transport;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.testkit.FaultProxy;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.rsocket.Payload;
import io.rsocket.RSocket;
import io.rsocket.core.RSocketConnector;
import io.rsocket.core.RSocketServer;
import io.rsocket.frame.decoder.PayloadDecoder;
import io.rsocket.util.ByteBufPayload;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.resources.LoopResources;
import reactor.netty.tcp.TcpClient;
import reactor.netty.tcp.TcpServer;
import reactor.test.StepVerifier;

/** Streams of bulk over real sockets whose far side does not read. */
class BackpressureTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final int MAX_FRAME_BYTES = 1 << 20;
    private static final GateLimits UNSENT = new GateLimits(1 << 20, 16 << 20, Duration.ofSeconds(30));
    private static final int PIECE_BYTES = 256 << 10;
    private static final int PIECES = 240;

    private final LoopResources loops = LoopResources.create("backpressure", 1, true);
    private final AtomicLong mostUnsent = new AtomicLong();
    private final AtomicLong produced = new AtomicLong();
    private final CompletableFuture<SendWindow> held = new CompletableFuture<>();

    @AfterEach
    void close() {
        loops.disposeLater(Duration.ZERO, TIMEOUT).block(TIMEOUT);
    }

    @Test
    void stream_overALinkThatStops_waitsAndGoesOn() {
        ListeningSocket server = serve();
        try (FaultProxy proxy = FaultProxy.start(server.address())) {
            RSocket client = connect(proxy.port());
            Flux<Payload> pieces = client.requestStream(ByteBufPayload.create(Unpooled.EMPTY_BUFFER));
            proxy.toClient().blackHole();

            StepVerifier.create(pieces.doOnNext(Payload::release).count())
                    .then(held::join)
                    .then(() -> assertThat(produced.get()).isLessThan(PIECES))
                    .then(proxy::heal)
                    .expectNext((long) PIECES)
                    .expectComplete()
                    .verify(TIMEOUT);

            assertThat(mostUnsent).hasValueLessThan((1L << 20) + 2 * PIECE_BYTES);
            client.dispose();
        }
        server.dispose();
    }

    @Test
    void stream_whoseLinkBreaks_endsForItsProducer() {
        ListeningSocket server = serve();
        try (FaultProxy proxy = FaultProxy.start(server.address())) {
            RSocket client = connect(proxy.port());
            proxy.toClient().blackHole();

            StepVerifier.create(client.requestStream(ByteBufPayload.create(Unpooled.EMPTY_BUFFER))
                            .doOnNext(Payload::release)
                            .then())
                    .then(held::join)
                    .then(proxy::cut)
                    .expectError()
                    .verify(TIMEOUT);

            StepVerifier.create(Mono.defer(held.join()::awaitRoom).repeat().then())
                    .expectError(ClosedChannelException.class)
                    .verify(TIMEOUT);
        }
        server.dispose();
    }

    private ListeningSocket serve() {
        return RSocketServer.create((setup, rsocket) ->
                        Mono.deferContextual(context -> Mono.just(new Bulk(context.get(SendWindow.class)))))
                .payloadDecoder(PayloadDecoder.ZERO_COPY)
                .bind(new PeerServerTransport(
                        TcpServer.create().runOn(loops).host("127.0.0.1").port(0),
                        MAX_FRAME_BYTES,
                        UNSENT,
                        new AcceptLimits(10, 10)))
                .block(TIMEOUT);
    }

    private RSocket connect(int port) {
        TcpClient tcp = TcpClient.newConnection().runOn(loops).host("127.0.0.1").port(port);
        return RSocketConnector.create()
                .payloadDecoder(PayloadDecoder.ZERO_COPY)
                .connect(new PeerClientTransport(
                        PeerClientTransport.prepare(tcp, MAX_FRAME_BYTES), MAX_FRAME_BYTES, UNSENT))
                .block(TIMEOUT);
    }

    /** Answers with as much as is asked for, which is everything. */
    private final class Bulk implements RSocket {

        private final SendWindow window;

        Bulk(SendWindow window) {
            this.window = window;
        }

        @Override
        public Flux<Payload> requestStream(Payload payload) {
            payload.release();
            return Flux.range(0, PIECES).concatMap(i -> afterRoom(), 0);
        }

        private Mono<Payload> afterRoom() {
            Mono<Void> room = window.awaitRoom();
            if (!(room instanceof Callable) && produced.get() < PIECES) {
                held.complete(window);
            }
            return room.then(Mono.fromSupplier(this::piece));
        }

        private Payload piece() {
            mostUnsent.accumulateAndGet(window.unsentBytes() + PIECE_BYTES, Math::max);
            produced.incrementAndGet();
            ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(PIECE_BYTES).writeZero(PIECE_BYTES);
            return ByteBufPayload.create(data);
        }
    }
}
