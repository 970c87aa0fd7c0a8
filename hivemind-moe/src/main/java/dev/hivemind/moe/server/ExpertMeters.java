package dev.hivemind.moe.server;

import dev.hivemind.moe.server.batching.BatchReport;
import dev.hivemind.moe.server.batching.PoolListener;
import dev.hivemind.moe.server.batching.TaskPool;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Operation;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What a server measures of its experts, listed in {@code docs/METERS.md}. The first {@link #MAX_EXPERTS} experts have
 * meters of their own, all others have theirs together.
 */
final class ExpertMeters implements ExpertWatch {

    /** Experts with series of their own. */
    static final int MAX_EXPERTS = 128;

    private static final String OTHERS = "(others)";

    private final MeterRegistry registry;
    private final Set<String> named = new LinkedHashSet<>();
    private final List<Meter> gauges = new ArrayList<>();

    ExpertMeters(MeterRegistry registry) {
        this.registry = registry;
    }

    @Override
    public synchronized PoolListener pool(String uid, Operation direction) {
        if (named.size() < MAX_EXPERTS) {
            named.add(uid);
        }
        return new PoolMeters(registry, tags(uid, direction));
    }

    private Tags tags(String uid, Operation direction) {
        return Tags.of(
                "expert",
                named.contains(uid) ? uid : OTHERS,
                "direction",
                direction == Operation.EXPERT_FORWARD ? "forward" : "backward");
    }

    @Override
    public synchronized void started(Map<String, HostedExpert> experts) {
        Map<Tags, List<TaskPool>> pools = new LinkedHashMap<>();
        experts.forEach((uid, expert) -> {
            watch(pools, tags(uid, Operation.EXPERT_FORWARD), expert.forward());
            watch(pools, tags(uid, Operation.EXPERT_BACKWARD), expert.backward());
        });
        pools.forEach((tags, watched) -> gauges.add(Gauge.builder("hivemind.expert.queued.rows", () -> rows(watched))
                .tags(tags)
                .strongReference(true)
                .register(registry)));
    }

    private static void watch(Map<Tags, List<TaskPool>> pools, Tags tags, ExpertDirection direction) {
        pools.computeIfAbsent(tags, none -> new ArrayList<>()).add(direction.pool());
    }

    private static long rows(List<TaskPool> pools) {
        return pools.stream().mapToLong(TaskPool::queuedRows).sum();
    }

    /** Takes the gauges out of the registry, which would keep the server alive. */
    @Override
    public synchronized void ended(Map<String, HostedExpert> experts) {
        gauges.forEach(registry::remove);
        gauges.clear();
    }

    private static final class PoolMeters implements PoolListener {

        private final MeterRegistry registry;
        private final Tags tags;
        private final Counter rows;
        private final Counter computed;
        private final Counter failed;
        private final Timer queueTime;
        private final Timer computeTime;

        /** By the names of errors, of which there are a dozen. */
        private final Map<String, Counter> rejections = new ConcurrentHashMap<>();

        PoolMeters(MeterRegistry registry, Tags tags) {
            this.registry = registry;
            this.tags = tags;
            this.rows = registry.counter("hivemind.expert.rows", tags);
            this.computed = registry.counter("hivemind.expert.calls", tags.and("outcome", "computed"));
            this.failed = registry.counter("hivemind.expert.calls", tags.and("outcome", "failed"));
            this.queueTime = registry.timer("hivemind.expert.queue.time", tags);
            this.computeTime = registry.timer("hivemind.expert.compute.time", tags);
        }

        @Override
        public boolean isListening() {
            return true;
        }

        @Override
        public void computed(BatchReport report) {
            rows.increment(report.rows());
            computed.increment(report.calls() - (double) report.failed());
            failed.increment(report.failed());
            queueTime.record(report.waited());
            computeTime.record(report.computed());
        }

        @Override
        public void refused(RpcException reason) {
            rejections
                    .computeIfAbsent(ErrorCodec.nameOf(reason), this::rejections)
                    .increment();
        }

        private Counter rejections(String reason) {
            return registry.counter("hivemind.expert.rejections", tags.and("reason", reason));
        }
    }
}
