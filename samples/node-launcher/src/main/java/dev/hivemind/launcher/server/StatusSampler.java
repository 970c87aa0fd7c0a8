package dev.hivemind.launcher.server;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.function.LongSupplier;

/** Reads a server's status from its meters. Used by one thread. */
final class StatusSampler {

    private final MeterRegistry meters;
    private final int experts;
    private final LongSupplier nanoClock;
    private long lastNanos;
    private double lastRows;
    private long lastBatches;

    StatusSampler(MeterRegistry meters, int experts, LongSupplier nanoClock) {
        this.meters = meters;
        this.experts = experts;
        this.nanoClock = nanoClock;
        this.lastNanos = nanoClock.getAsLong();
    }

    /** The status since the last call. */
    ServerStatus sample() {
        long now = nanoClock.getAsLong();
        double rows = counted("hivemind.expert.rows");
        long batches = meters.find("hivemind.expert.compute.time").timers().stream()
                .mapToLong(Timer::count)
                .sum();
        double seconds = Math.max(1e-9, (now - lastNanos) / 1e9);
        var status = new ServerStatus(
                experts,
                (rows - lastRows) / seconds,
                batches == lastBatches ? 0 : (rows - lastRows) / (batches - lastBatches),
                gauged("hivemind.expert.queued.rows"),
                Math.round(counted("hivemind.expert.rejections")),
                gauged("hivemind.wire.connections"));
        lastNanos = now;
        lastRows = rows;
        lastBatches = batches;
        return status;
    }

    private double counted(String name) {
        return meters.find(name).counters().stream().mapToDouble(Counter::count).sum();
    }

    private long gauged(String name) {
        return Math.round(
                meters.find(name).gauges().stream().mapToDouble(Gauge::value).sum());
    }
}
