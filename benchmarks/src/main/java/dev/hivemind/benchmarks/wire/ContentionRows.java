package dev.hivemind.benchmarks.wire;

import dev.hivemind.benchmarks.harness.Interleaved;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** How long small calls take beside bulk that saturates a narrow link, over one connection. */
final class ContentionRows {

    private static final long BYTES_PER_SECOND = 20_000_000;
    private static final int BULKS = 4;
    private static final int BULK_BYTES = 8 << 20;
    private static final int SMALL_BYTES = 100;
    private static final double MEDIAN = 0.5;
    private static final double TAIL = 0.99;
    /** A turn that is long enough for some hundred small calls. */
    private static final int SLICES_PER_TURN = 8;

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Contenders contenders;
    private final Plan plan;
    private final Report report;

    ContentionRows(Contenders contenders, Plan plan, Report report) {
        this.contenders = contenders;
        this.plan = plan;
        this.report = report;
    }

    void measureAll() throws Exception {
        if (!plan.selects("contention")) {
            return;
        }
        report.progress("small calls beside bulk");
        try (var link = NarrowLink.open(contenders.hivemind().socketAddress(), BYTES_PER_SECOND);
                var peer = contenders.hivemind().callerBy(link.port())) {
            Map<String, List<Turn>> turns =
                    Interleaved.run(Map.of(HivemindContender.NAME, time -> turn(peer, time)), plan);
            report.row(row(turns.values().iterator().next()));
        }
    }

    private static Turn turn(HivemindCaller peer, Duration time) throws Exception {
        Duration longer = time.multipliedBy(SLICES_PER_TURN);
        List<CompletableFuture<Tally>> bulks = new ArrayList<>();
        try (Call small = peer.call(Op.SINK, SMALL_BYTES)) {
            for (int i = 0; i < BULKS; i++) {
                bulks.add(peer.stream(BULK_BYTES, longer));
            }
            Tally calls = ClosedLoop.run(small, 1, longer);
            return new Turn(calls, together(bulks).megabytesPerSecond(BULK_BYTES));
        }
    }

    private static Tally together(List<CompletableFuture<Tally>> bulks) throws Exception {
        long calls = 0;
        long nanos = 0;
        for (CompletableFuture<Tally> bulk : bulks) {
            Tally tally = bulk.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            calls += tally.calls();
            nanos = Math.max(nanos, tally.nanos());
        }
        return Tally.of(calls, nanos);
    }

    private static Row row(List<Turn> turns) {
        return new Row()
                .put("op", "contention")
                .put("bytes", SMALL_BYTES)
                .put("bulkStreams", BULKS)
                .put("linkMegabytesPerSecond", BYTES_PER_SECOND / 1_000_000)
                .put(
                        "smallCalls",
                        turns.stream().mapToLong(turn -> turn.small().calls()).sum())
                .put("hivemindP50Millis", Series.of(turns, turn -> turn.millis(MEDIAN)))
                .put("hivemindP99Millis", Series.of(turns, turn -> turn.millis(TAIL)))
                .put("bulk", Series.of(turns, Turn::bulkRate));
    }

    /**
     * What a turn gave.
     *
     * @param bulkRate of all bulks together, in 10^6 bytes per second
     */
    private record Turn(Tally small, double bulkRate) {

        double millis(double fraction) {
            return small.latencyMicros(fraction) / 1_000;
        }
    }
}
