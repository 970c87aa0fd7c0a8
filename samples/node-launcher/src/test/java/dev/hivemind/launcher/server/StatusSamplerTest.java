package dev.hivemind.launcher.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class StatusSamplerTest {

    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final AtomicLong nanos = new AtomicLong();
    private final StatusSampler sampler = new StatusSampler(meters, 3, nanos::get);

    @Test
    void sample_ofANewServer_isZero() {
        nanos.addAndGet(Duration.ofSeconds(1).toNanos());

        assertThat(sampler.sample()).isEqualTo(new ServerStatus(3, 0, 0, 0, 0, 0));
    }

    @Test
    void sample_addsUpExpertsSinceTheLastOne() {
        meters.counter("hivemind.expert.rows", "expert", "a").increment(100);
        sampler.sample();
        meters.counter("hivemind.expert.rows", "expert", "a").increment(30);
        meters.counter("hivemind.expert.rows", "expert", "b").increment(10);
        meters.timer("hivemind.expert.compute.time", "expert", "a").record(Duration.ofMillis(1));
        meters.timer("hivemind.expert.compute.time", "expert", "b").record(Duration.ofMillis(1));
        meters.counter("hivemind.expert.rejections", "reason", "overloaded").increment(7);
        gauge("hivemind.expert.queued.rows", 5);
        gauge("hivemind.wire.connections", 2);
        nanos.addAndGet(Duration.ofSeconds(2).toNanos());

        assertThat(sampler.sample()).isEqualTo(new ServerStatus(3, 20, 20, 5, 7, 2));
    }

    @Test
    void text_isOneLineForPeople() {
        assertThat(new ServerStatus(3, 1234.4, 20.25, 5, 7, 2).text())
                .isEqualTo("3 experts  1234 rows/s  20.3 rows a batch  5 queued  7 refused  2 peers");
    }

    private void gauge(String name, double value) {
        Gauge.builder(name, () -> value).strongReference(true).register(meters);
    }
}
