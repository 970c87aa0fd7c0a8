package dev.hivemind.dashboard.browser;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dashboard.Dashboard;
import dev.hivemind.dashboard.DashboardOptions;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.NodeEventMessage;
import dev.hivemind.rsocket.events.proto.RejectionEventMessage;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.openqa.selenium.chrome.ChromeDriver;
import reactor.core.publisher.Flux;

/** What the page says when nodes die, when the swarm or the dashboard is gone, and when a trainer is malicious. */
@ExtendWith(Chromium.class)
class DashboardTroubleTest {

    private static final String MARKUP =
            "<img src=x onerror=window.owned=1><script>window.owned=1</script>\u202e\u0007";
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    @AfterEach
    void close() throws Exception {
        while (!opened.isEmpty()) {
            opened.pop().close();
        }
    }

    private <T extends AutoCloseable> T closedLater(T resource) {
        opened.push(resource);
        return resource;
    }

    private Dashboard dashboard(PeerAddress peer) {
        return closedLater(Dashboard.start(DashboardOptions.local(peer)));
    }

    @Test
    void page_whenAServerIsKilled_marksItAndTheCallsThatFail(ChromeDriver browser) {
        SmallSwarm swarm = closedLater(SmallSwarm.start());
        Dashboard dashboard = dashboard(swarm.entrance());
        closedLater(SmallTrainer.start(swarm.entrance(), dashboard.reportAddress(), "mixture"));
        var page = new DashboardPage(browser, dashboard.url());
        page.open("experts");
        page.await("sixteen experts", () -> page.count(".heat .cell[data-state=online]") == 16);
        page.await("a training", () -> page.text("#headline").startsWith("Training mixture"));
        page.show("events");
        page.element("#events-text").sendKeys("ffn.3");

        swarm.killOne();

        page.await(
                "failures of its experts",
                () -> page.texts(".event:not([hidden]) .event-kind").contains("Failure"));
        page.show("swarm");
        page.await(
                "that it is gone",
                () -> page.attributes("#swarm-map .node", "aria-label").stream()
                        .anyMatch(label ->
                                label.startsWith(swarm.mortalAddress()) && label.matches(".*(unreachable|gone).*")));
        page.await("who hosts experts yet", () -> page.text("#subline").startsWith("2 nodes host"));
        page.show("experts");
        page.await("that its experts are gone", () -> page.count(".heat .cell[data-state=online]") == 12);
        page.screenshot("killed-server");
    }

    @Test
    void page_ofAMaliciousTrainer_showsMarkupAsText(ChromeDriver browser) {
        SwarmHost host = closedLater(SwarmHost.start(null, List.of("ffn.0.0")));
        Dashboard dashboard = dashboard(host.address());
        tellLies(dashboard.reportAddress());
        var page = new DashboardPage(browser, dashboard.url());
        page.open("swarm");
        page.consoleErrors();

        page.await("the name of the run as text", () -> page.text("#headline").startsWith("Training <img src=x"));
        for (String view : DashboardPage.VIEWS) {
            page.show(view);
            page.await("the view", () -> page.element("#panel-" + view).isDisplayed());
        }
        page.show("training");
        page.await("the name in the list of runs", () -> page.text(".run h2").startsWith("<img src=x"));

        assertThat(browser.executeScript("return window.owned === undefined")).isEqualTo(true);
        assertThat(page.count("img[src=x], main script")).isZero();
        assertThat(page.text("main")).doesNotContain("\u202e", "\u0007");
        assertThat(page.fitsItsWidth()).isTrue();
        assertThat(page.consoleErrors()).isEmpty();
        page.screenshot("malicious-trainer");
    }

    private void tellLies(PeerAddress dashboard) {
        PeerNode liar = PeerNode.builder().build();
        liar.start().block(TIMEOUT);
        closedLater(() -> liar.close().block(TIMEOUT));
        var events = new EventFeed(Clock.systemUTC());
        var serving = events.serve(liar);
        var offering = EventFeed.offer(liar, dashboard).subscribe();
        var telling = Flux.interval(Duration.ofMillis(100)).subscribe(tick -> publishLies(events, tick));
        closedLater(() -> {
            telling.dispose();
            offering.dispose();
            serving.dispose();
        });
    }

    private static void publishLies(EventFeed events, long tick) {
        events.publish(EventMessage.newBuilder()
                .setTraining(TrainingEventMessage.newBuilder()
                        .setRun(MARKUP)
                        .setStep(tick)
                        .setLoss(Double.NaN)
                        .setSamplesPerSecond(Double.POSITIVE_INFINITY)));
        events.publish(EventMessage.newBuilder()
                .setNode(NodeEventMessage.newBuilder()
                        .setKind(NodeEventMessage.Kind.KIND_STARTED)
                        .addAddresses(MARKUP)));
        events.publish(EventMessage.newBuilder()
                .setRejection(RejectionEventMessage.newBuilder()
                        .setUid(MARKUP)
                        .setError(MARKUP)
                        .setCalls(Long.MAX_VALUE)));
    }

    @Test
    void page_whenTheSwarmAndThenTheServerIsGone_saysSoAndRetries(ChromeDriver browser) throws IOException {
        Dashboard dashboard = dashboard(closedPort());
        var page = new DashboardPage(browser, dashboard.url());
        page.open("swarm");

        page.await(
                "that the swarm is missing",
                () -> page.text("#headline").startsWith("Looking for the swarm")
                        && page.element("#banner").isDisplayed());
        page.screenshot("swarm-unreachable");
        dashboard.close();

        page.await(
                "that the server is gone", () -> page.text("#connection-text").equals("Server gone"));
        page.await("when it tries again", () -> page.text("#banner-text").contains("Trying again"));
        page.screenshot("server-gone");
    }

    /** Where nobody listens. */
    private static PeerAddress closedPort() throws IOException {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return new PeerAddress("127.0.0.1", socket.getLocalPort());
        }
    }
}
