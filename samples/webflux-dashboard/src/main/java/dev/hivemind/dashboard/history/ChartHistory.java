package dev.hivemind.dashboard.history;

import dev.hivemind.dashboard.history.SwarmView.ChartView;
import dev.hivemind.rsocket.events.proto.BatchEventMessage;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Figures of the whole swarm for each of the last seconds. */
final class ChartHistory {

    static final int MAX_POINTS = 300;
    static final int STEP_MILLIS = 1_000;

    static final List<String> NAMES = List.of(
            "rows",
            "batchSize",
            "queueP50Millis",
            "queueP95Millis",
            "queueP99Millis",
            "computeP50Millis",
            "computeP95Millis",
            "computeP99Millis",
            "calls",
            "rejections",
            "failures",
            "bytes",
            "plainBytes");

    private final Deque<List<@Nullable Number>> points = new ArrayDeque<>();
    private final Durations waited = new Durations();
    private final Durations computed = new Durations();
    private long second;
    private double rows;
    private long batches;
    private double calls;
    private double rejections;
    private double failures;
    private double bytes;
    private double plainBytes;

    ChartHistory(long nowMillis) {
        this.second = start(nowMillis);
    }

    private static long start(long nowMillis) {
        return nowMillis - Math.floorMod(nowMillis, STEP_MILLIS);
    }

    void batch(BatchEventMessage batch) {
        rows += Integer.toUnsignedLong(batch.getRows());
        batches++;
        calls += Integer.toUnsignedLong(batch.getCalls());
        waited.add(batch.getWaitedMicros());
        computed.add(batch.getComputedMicros());
        bytes += Math.max(0, batch.getBytes());
        plainBytes += Math.max(0, batch.getPlainBytes());
    }

    void rejected(long count) {
        rejections += count;
    }

    void failed(long count) {
        failures += count;
    }

    /** Closes the seconds that have passed. */
    void moveTo(long nowMillis) {
        long now = start(nowMillis);
        if (now - second > (long) MAX_POINTS * STEP_MILLIS) {
            second = now - (long) MAX_POINTS * STEP_MILLIS;
        }
        while (second < now) {
            close();
            second += STEP_MILLIS;
        }
    }

    private void close() {
        if (points.size() == MAX_POINTS) {
            points.removeFirst();
        }
        points.addLast(point());
        waited.clear();
        computed.clear();
        rows = 0;
        batches = 0;
        calls = 0;
        rejections = 0;
        failures = 0;
        bytes = 0;
        plainBytes = 0;
    }

    private List<@Nullable Number> point() {
        @Nullable Number[] values = {
            second,
            Figures.rounded(rows),
            batches == 0 ? null : Figures.told(rows / batches),
            waited.percentileMillis(50),
            waited.percentileMillis(95),
            waited.percentileMillis(99),
            computed.percentileMillis(50),
            computed.percentileMillis(95),
            computed.percentileMillis(99),
            Figures.rounded(calls),
            Figures.rounded(rejections),
            Figures.rounded(failures),
            Figures.rounded(bytes),
            Figures.rounded(plainBytes)
        };
        return Collections.unmodifiableList(Arrays.asList(values));
    }

    ChartView view() {
        return new ChartView(STEP_MILLIS, NAMES, List.copyOf(points));
    }
}
