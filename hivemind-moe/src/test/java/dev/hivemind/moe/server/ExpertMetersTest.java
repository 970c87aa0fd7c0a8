package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.moe.server.batching.BatchReport;
import dev.hivemind.moe.server.batching.PoolListener;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.frame.Operation;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ExpertMetersTest {

    private static final BatchReport BATCH = new BatchReport(7, 4, 1, Duration.ofMillis(3), Duration.ofMillis(2));

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final ExpertMeters meters = new ExpertMeters(registry);

    @AfterEach
    void close() {
        registry.close();
    }

    @Test
    void computed_countsRowsCallsAndTimes() {
        PoolListener pool = meters.pool("ffn.0", Operation.EXPERT_FORWARD);

        pool.computed(BATCH);
        pool.computed(BATCH);

        String[] tags = {"expert", "ffn.0", "direction", "forward"};
        assertThat(registry.get("hivemind.expert.rows").tags(tags).counter().count())
                .isEqualTo(14);
        assertThat(calls(tags, "computed")).isEqualTo(6);
        assertThat(calls(tags, "failed")).isEqualTo(2);
        assertThat(registry.get("hivemind.expert.compute.time")
                        .tags(tags)
                        .timer()
                        .totalTime(TimeUnit.MILLISECONDS))
                .isEqualTo(4);
        assertThat(registry.get("hivemind.expert.queue.time").tags(tags).timer().max(TimeUnit.MILLISECONDS))
                .isEqualTo(3);
    }

    private double calls(String[] tags, String outcome) {
        return registry.get("hivemind.expert.calls")
                .tags(tags)
                .tag("outcome", outcome)
                .counter()
                .count();
    }

    @Test
    void refused_countsByReason() {
        PoolListener pool = meters.pool("ffn.0", Operation.EXPERT_BACKWARD);

        pool.refused(new OverloadedException("full", Duration.ofMillis(1)));
        pool.refused(new OverloadedException("late", Duration.ofMillis(1)));
        pool.refused(new SchemaMismatchException("shape"));

        assertThat(rejections("overloaded")).isEqualTo(2);
        assertThat(rejections("schema-mismatch")).isEqualTo(1);
    }

    private double rejections(String reason) {
        return registry.get("hivemind.expert.rejections")
                .tags("expert", "ffn.0", "direction", "backward", "reason", reason)
                .counter()
                .count();
    }

    @Test
    void pool_ofManyExperts_sharesSeries() {
        for (int expert = 0; expert < 1_000; expert++) {
            meters.pool("ffn." + expert, Operation.EXPERT_FORWARD).computed(BATCH);
            meters.pool("ffn." + expert, Operation.EXPERT_BACKWARD).computed(BATCH);
        }

        assertThat(registry.find("hivemind.expert.rows").counters()).hasSize(2 * (ExpertMeters.MAX_EXPERTS + 1));
        assertThat(registry.get("hivemind.expert.rows")
                        .tags("expert", "(others)", "direction", "forward")
                        .counter()
                        .count())
                .isEqualTo(7.0 * (1_000 - ExpertMeters.MAX_EXPERTS));
    }
}
