package dev.hivemind.dashboard.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dashboard.Browser;
import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.ExpertEventMessage;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.netty.resources.LoopResources;
import reactor.test.StepVerifier;

class WebServerTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final PeerId PEER = PeerId.fromBytes(new byte[PeerId.BYTES]);
    private static final int EXPERTS = 2_000;

    private final Scheduler collector = Schedulers.newSingle("collector", true);
    private final LoopResources loops = LoopResources.create("web-io", 1, true);
    private final SwarmHistory history = new SwarmHistory(PEER, Clock.systemUTC());
    private final UpdateFeed feed = new UpdateFeed(
            history, new About("1", "c", PEER.toString(), "127.0.0.1:1", 0), collector, Clock.systemUTC());

    @AfterEach
    void stop() {
        feed.dispose();
        loops.disposeLater(Duration.ZERO, Duration.ofSeconds(5)).block(TIMEOUT);
        collector.dispose();
    }

    private static WebOptions options(Duration patience) {
        return new WebOptions("127.0.0.1", 0, Set.of(), patience);
    }

    private void hostExperts() {
        for (int node = 0; node < 2; node++) {
            byte[] id = new byte[PeerId.BYTES];
            id[0] = (byte) (node + 1);
            PeerId host = PeerId.fromBytes(id);
            history.answered(host, List.of(new PeerAddress("127.0.0.1", 1)), null, List.of());
            ExpertEventMessage.Builder hosted =
                    ExpertEventMessage.newBuilder().setKind(ExpertEventMessage.Kind.KIND_HOSTED);
            for (int i = 0; i < EXPERTS / 2; i++) {
                hosted.addFurtherUids("ffn." + (node * EXPERTS / 2 + i));
            }
            history.told(
                    host,
                    EventMessage.newBuilder()
                            .setExpert(hosted.setUid("ffn." + node * EXPERTS / 2))
                            .build());
        }
    }

    @Test
    void start_withPropertiesForOtherApplications_ignoresThem() throws Exception {
        String before = System.getProperty("spring.webflux.base-path");
        System.setProperty("spring.webflux.base-path", "/x");
        try (WebServer server = WebServer.start(options(TIMEOUT), feed, loops)) {
            assertThat(new Browser(server.url()).get("api/snapshot").status()).isEqualTo(200);
        } finally {
            if (before == null) {
                System.clearProperty("spring.webflux.base-path");
            } else {
                System.setProperty("spring.webflux.base-path", before);
            }
        }
    }

    /** More answers than fit on the way to it: they can only wait, until the server gives up. */
    @Test
    void aBrowserThatAsksAndNeverReads_isCutOff() throws IOException {
        hostExperts();
        try (WebServer server = WebServer.start(options(Duration.ofMillis(500)), feed, loops);
                Socket silent = connect(server)) {
            OutputStream out = silent.getOutputStream();
            byte[] question =
                    "GET /api/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

            StepVerifier.create(Flux.interval(Duration.ZERO, Duration.ofMillis(20), Schedulers.boundedElastic())
                            .onBackpressureDrop()
                            .concatMap(tick -> Mono.fromCallable(sent(out, question)))
                            .then())
                    .expectError(IOException.class)
                    .verify(TIMEOUT);
        }
    }

    private static Callable<Boolean> sent(OutputStream out, byte[] question) {
        return () -> {
            out.write(question);
            return true;
        };
    }

    private static Socket connect(WebServer server) throws IOException {
        URI url = URI.create(server.url());
        var socket = new Socket();
        socket.setReceiveBufferSize(4_096);
        socket.connect(new InetSocketAddress(url.getHost(), url.getPort()));
        return socket;
    }
}
