package dev.hivemind.launcher.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.rsocket.identity.PeerAddress;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MetricsEndpointTest {

    private final PrometheusMeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final AtomicBoolean ready = new AtomicBoolean();
    private final MetricsEndpoint endpoint =
            MetricsEndpoint.start(new PeerAddress("127.0.0.1", 0), meters::scrape, ready::get);

    @AfterEach
    void close() {
        endpoint.close();
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        var uri = URI.create("http://127.0.0.1:%d%s".formatted(endpoint.port(), path));
        return HttpClient.newHttpClient().send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
    }

    @Test
    void metrics_ofEachKind_areWrittenAsPrometheusReadsThem() throws Exception {
        meters.counter("hivemind.rows", "expert", "a\"b\\c").increment(3);
        meters.timer("hivemind.queue.time").record(Duration.ofMillis(1500));
        Gauge.builder("hivemind.queued", () -> Double.POSITIVE_INFINITY)
                .strongReference(true)
                .register(meters);

        HttpResponse<String> response = get("/metrics");

        assertThat(response.headers().firstValue("Content-Type")).hasValue("text/plain; version=0.0.4; charset=utf-8");
        assertThat(response.body().lines())
                .contains(
                        "hivemind_queue_time_seconds_count 1",
                        "hivemind_queue_time_seconds_sum 1.5",
                        "hivemind_queue_time_seconds_max 1.5",
                        "hivemind_queued +Inf",
                        "hivemind_rows_total{expert=\"a\\\"b\\\\c\"} 3.0");
    }

    @Test
    void healthz_isAlwaysWell() throws Exception {
        assertThat(get("/healthz").statusCode()).isEqualTo(200);
    }

    @Test
    void readyz_followsTheServer() throws Exception {
        assertThat(get("/readyz").statusCode()).isEqualTo(503);

        ready.set(true);

        assertThat(get("/readyz").statusCode()).isEqualTo(200);
    }

    @Test
    void start_onAPortInUse_saysWhatToDo() {
        var taken = new PeerAddress("127.0.0.1", endpoint.port());

        assertThatThrownBy(() -> MetricsEndpoint.start(taken, meters::scrape, ready::get))
                .isInstanceOf(LauncherException.class)
                .hasMessageContainingAll(taken.toString(), "--metrics-port");
    }
}
