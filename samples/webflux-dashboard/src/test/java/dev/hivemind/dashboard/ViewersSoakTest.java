package dev.hivemind.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.ConcurrentHistogram;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Two hundred browsers in front of a dashboard with a heap of 256 MiB and a busy swarm behind it. Prints what it costs; on a
 * quiet machine, 30 % of a core and 300 ms are asked.
 */
@Tag("soak")
class ViewersSoakTest {

    private static final int BROWSERS = 200;
    private static final int NON_READERS = 20;
    private static final int EXPERTS = 16;
    private static final Duration TIMEOUT = Duration.ofMinutes(1);
    private static final Duration LONG = Duration.ofHours(1);
    private static final Duration WARM_UP = Duration.ofSeconds(20);
    private static final Duration MEASURED = Duration.ofSeconds(30);
    private static final String NOW = "\"now\":";

    private final Disposable.Composite running = Disposables.composite();
    private final List<Socket> silent = new ArrayList<>();
    private final ConcurrentHistogram delays = new ConcurrentHistogram(600_000, 2);
    private final AtomicLong updates = new AtomicLong();
    private TestServer server;
    private Process process;
    private URI url;
    private PeerAddress reportTo;

    /** The dashboard's process: prints where it is, and ends with its input. */
    static final class Main {

        private Main() {}

        public static void main(String[] arguments) throws IOException {
            try (Dashboard dashboard = Dashboard.start(DashboardOptions.local(PeerAddress.parse(arguments[0])))) {
                System.out.println(dashboard.url() + " " + dashboard.reportAddress());
                while (System.in.read() >= 0) {}
            }
        }
    }

    @BeforeEach
    void start() throws IOException {
        String[] uids = new String[EXPERTS];
        for (int i = 0; i < EXPERTS; i++) {
            uids[i] = "ffn.%d.%d".formatted(i / 4, i % 4);
        }
        server = TestServer.start().host(LONG, uids);
        process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-XX:+UseSerialGC",
                        "-XX:+ExitOnOutOfMemoryError",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        server.address().toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String[] ready = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
                .readLine()
                .split(" ", -1);
        url = URI.create(ready[0]);
        reportTo = PeerAddress.parse(ready[1]);
        work(uids);
    }

    /** As much as the demo does: a hundred batches and twenty steps a second. */
    private void work(String[] uids) {
        var trainer = PeerNode.builder().drainTimeout(Duration.ZERO).build();
        var feed = new EventFeed(Clock.systemUTC());
        running.add(feed.serve(trainer));
        running.add(EventFeed.offer(trainer, reportTo).subscribe());
        running.add(Flux.interval(Duration.ofMillis(10))
                .onBackpressureDrop()
                .subscribe(tick -> server.batch(uids[(int) (tick % uids.length)], 16)));
        running.add(Flux.interval(Duration.ofMillis(50))
                .onBackpressureDrop()
                .subscribe(step -> feed.publish(EventMessage.newBuilder()
                        .setTraining(TrainingEventMessage.newBuilder()
                                .setRun("soak")
                                .setStep(step + 1)
                                .setLoss(1.0 / (step + 1))))));
        running.add(() -> trainer.close().subscribe());
    }

    @AfterEach
    void end() throws IOException {
        running.dispose();
        for (Socket socket : silent) {
            socket.close();
        }
        process.destroyForcibly();
        server.close();
    }

    @Test
    void updates_forTwoHundredBrowsers_arriveInTime() throws IOException {
        var browser = new Browser(url.toString());
        for (int i = 0; i < BROWSERS; i++) {
            running.add(browser.events("api/updates").subscribe(this::received));
        }
        for (int i = 0; i < NON_READERS; i++) {
            openAndNeverRead();
        }
        pass(WARM_UP);
        delays.reset();
        updates.set(0);
        Duration before = cpu();
        pass(MEASURED);
        double share = (double) cpu().minus(before).toMillis() / MEASURED.toMillis();

        System.out.printf(
                Locale.ROOT,
                "{\"benchmark\":\"dashboard\",\"browsers\":%d,\"updatesPerSecond\":%.2f,\"cpuShare\":%.3f,"
                        + "\"p50Millis\":%d,\"p99Millis\":%d,\"maxMillis\":%d}%n",
                BROWSERS,
                (double) updates.get() / BROWSERS / MEASURED.toSeconds(),
                share,
                delays.getValueAtPercentile(50),
                delays.getValueAtPercentile(99),
                delays.getMaxValue());
        assertThat(process.isAlive()).as("lives within its heap").isTrue();
        assertThat(updates.get()).isGreaterThan(BROWSERS);
        assertThat(browser.get("actuator/health/liveness").status()).isEqualTo(200);
    }

    private void received(String event) {
        int now = event.indexOf(NOW);
        if (event.contains("event: update") && now >= 0) {
            int start = now + NOW.length();
            long made = Long.parseLong(event.substring(start, event.indexOf(',', start)));
            updates.incrementAndGet();
            delays.recordValue(Math.max(0, Math.min(600_000, System.currentTimeMillis() - made)));
        }
    }

    private void openAndNeverRead() throws IOException {
        var socket = new Socket();
        socket.setReceiveBufferSize(4_096);
        socket.connect(new InetSocketAddress(url.getHost(), url.getPort()));
        socket.getOutputStream()
                .write("GET /api/updates HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        silent.add(socket);
    }

    private Duration cpu() {
        return process.info().totalCpuDuration().orElse(Duration.ZERO);
    }

    private static void pass(Duration time) {
        Mono.delay(time).block(time.plus(TIMEOUT));
    }
}
