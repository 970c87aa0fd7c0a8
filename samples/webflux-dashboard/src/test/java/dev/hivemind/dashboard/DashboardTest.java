package dev.hivemind.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.dashboard.Browser.Page;
import dev.hivemind.dashboard.web.PortTakenException;
import dev.hivemind.dashboard.web.UpdateFeed;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A dashboard over sockets, in front of a small swarm without tensors. */
class DashboardTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final Duration LONG = Duration.ofMinutes(5);
    private static final JsonMapper MAPPER = JsonMapper.builder().build();
    private static final String HOSTILE = "<img src=x onerror=alert(1)>\u0007\u202E.3";

    private static TestServer server;
    private static Dashboard dashboard;
    private static Browser browser;

    @BeforeAll
    static void start() {
        server = TestServer.start().host(LONG, "ffn.0.0", "ffn.0.1", HOSTILE);
        dashboard = Dashboard.start(DashboardOptions.local(server.address()));
        browser = new Browser(dashboard.url());
        await(snapshot -> snapshot.get("grids").size() == 2);
    }

    @AfterAll
    static void stop() {
        dashboard.close();
        server.close();
    }

    private static JsonNode await(Predicate<JsonNode> condition) {
        return browser.ask("api/snapshot")
                .map(page -> MAPPER.readTree(page.body()))
                .filter(condition)
                .repeatWhenEmpty(Integer.MAX_VALUE, empty -> empty.delayElements(Duration.ofMillis(100)))
                .block(TIMEOUT);
    }

    private static JsonNode data(String event) {
        return event.lines()
                .filter(line -> line.startsWith("data: "))
                .map(line -> MAPPER.readTree(line.substring("data: ".length())))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void snapshot_tellsTheSwarmAndTheDashboard() {
        JsonNode snapshot = await(view -> view.get("nodes").size() == 1
                && view.get("nodes").get(0).get("events").asString().equals("live"));

        assertThat(snapshot.get("connection").get("state").asString()).isEqualTo("joined");
        assertThat(snapshot.get("nodes").get(0).get("id").asString())
                .isEqualTo(server.id().toString());
        assertThat(snapshot.get("about").get("reportTo").asString())
                .isEqualTo(dashboard.reportAddress().toString());
    }

    @Test
    void snapshot_ofHostileNames_holdsThemAsText() {
        Page page = browser.get("api/snapshot");

        assertThat(page.headers().get("content-type")).isEqualTo("application/json");
        assertThat(page.body())
                .contains("<img src=x onerror=alert(1)>\uFFFD\uFFFD.3")
                .doesNotContain("\u202E", "\\u0007");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "api/snapshot", "actuator/health", "actuator/prometheus", "nowhere"})
    void anyAnswer_allowsNoScriptsButItsOwn(String path) {
        Page page = browser.get(path);

        assertThat(page.headers().get("content-security-policy"))
                .startsWith("default-src 'none'; script-src 'self';")
                .doesNotContain("unsafe");
        assertThat(page.headers()).containsEntry("x-content-type-options", "nosniff");
        assertThat(page.headers()).containsEntry("referrer-policy", "no-referrer");
    }

    @Test
    void anyRequest_underAStrangeName_isRefused() {
        assertThat(browser.get("api/snapshot", "rebound.example").status()).isEqualTo(421);
        assertThat(browser.get("api/snapshot", "rebound.example").body()).isEmpty();
        assertThat(browser.get("api/snapshot", "localhost").status()).isEqualTo(200);
    }

    @Test
    void anyRequest_thatDoesMoreThanRead_isRefused() {
        assertThat(browser.post("api/snapshot")).isEqualTo(405);
        assertThat(browser.post("actuator/health")).isEqualTo(405);
    }

    @Test
    void actuator_showsHealthInfoAndMetersAlone() {
        assertThat(browser.get("actuator/health").status()).isEqualTo(200);
        assertThat(browser.get("actuator/health/readiness").status()).isEqualTo(200);
        assertThat(browser.get("actuator/info").body()).contains("reportTo");
        assertThat(browser.get("actuator/prometheus").body())
                .contains("hivemind_dashboard_viewers", "jvm_memory_used_bytes");
        for (String hidden :
                List.of("actuator", "actuator/env", "actuator/beans", "actuator/heapdump", "actuator/shutdown")) {
            assertThat(browser.get(hidden).status()).as(hidden).isEqualTo(404);
        }
    }

    @Test
    void updates_beginWithASnapshotAndFollowTheSwarm() {
        List<String> events = browser.events("api/updates")
                .doOnNext(event -> server.batch("ffn.0.0", 8))
                .takeUntil(event -> event.contains("\"rowsPerSecond\":") && hasRows(event))
                .collectList()
                .block(TIMEOUT);

        assertThat(events.get(0)).contains("event: snapshot", "retry: ");
        assertThat(events.subList(1, events.size())).isNotEmpty().allMatch(event -> event.contains("event: update"));
        List<Long> ids =
                events.stream().map(event -> data(event).get("id").asLong()).toList();
        assertThat(ids).isSorted().doesNotHaveDuplicates();
    }

    private static boolean hasRows(String event) {
        JsonNode nodes = data(event).get("nodes");
        return nodes != null && nodes.get(0).get("rowsPerSecond").asDouble() > 0;
    }

    @Test
    void updates_forTwoHundredBrowsersAndOneThatNeverReads_arriveAtAll() throws IOException {
        try (Socket silent = openAndNeverRead()) {
            List<Mono<Long>> browsers = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                browsers.add(browser.events("api/updates").take(4).count());
            }

            assertThat(Flux.merge(Flux.fromIterable(browsers), 200)
                            .collectList()
                            .block(TIMEOUT))
                    .hasSize(200)
                    .containsOnly(4L);
            assertThat(silent.isConnected()).isTrue();
        }
    }

    private static Socket openAndNeverRead() throws IOException {
        URI url = URI.create(dashboard.url());
        var socket = new Socket(url.getHost(), url.getPort());
        socket.getOutputStream()
                .write("GET /api/updates HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    @Test
    void updates_ofABrowserThatLeaves_freeItsSeat() {
        browser.events("api/updates").take(1).blockLast(TIMEOUT);

        Page meters = browser.ask("actuator/prometheus")
                .filter(page -> page.body().contains("hivemind_dashboard_viewers 0.0"))
                .repeatWhenEmpty(Integer.MAX_VALUE, empty -> empty.delayElements(Duration.ofMillis(100)))
                .block(TIMEOUT);
        assertThat(meters.status()).isEqualTo(200);
        assertThat(UpdateFeed.MAX_VIEWERS).isGreaterThan(200);
    }

    @Test
    void start_withoutASwarm_isAliveButOutOfService() throws IOException {
        PeerAddress nobody;
        try (var free = new ServerSocket(0)) {
            nobody = new PeerAddress("127.0.0.1", free.getLocalPort());
        }
        try (Dashboard waiting = Dashboard.start(DashboardOptions.local(nobody))) {
            var visitor = new Browser(waiting.url());

            assertThat(visitor.get("api/snapshot").status()).isEqualTo(200);
            assertThat(visitor.get("actuator/health/liveness").status()).isEqualTo(200);
            assertThat(visitor.get("actuator/health/readiness").status()).isEqualTo(503);
            assertThat(visitor.get("actuator/health").body()).contains("OUT_OF_SERVICE", nobody.toString());
        }
    }

    @Test
    void start_onAPortInUse_saysSo() {
        int port = URI.create(dashboard.url()).getPort();
        var options = new DashboardOptions(
                List.of(server.address()),
                List.of(),
                "127.0.0.1",
                port,
                Set.of(),
                new PeerAddress("127.0.0.1", 0),
                "1",
                "c");

        assertThatThrownBy(() -> Dashboard.start(options))
                .isInstanceOf(PortTakenException.class)
                .hasMessageContaining("127.0.0.1:" + port);
    }

    @Test
    void page_isThere() throws IOException {
        try (InputStream page = Dashboard.class.getResourceAsStream("/static/index.html")) {
            assertThat(browser.get("").status()).isEqualTo(page == null ? 404 : 200);
        }
    }
}
