package dev.hivemind.benchmarks.wire;

import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import io.netty.util.internal.PlatformDependent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** How much direct memory we come to hold for a peer that asks for everything and reads none of it. */
final class NonReaderRows {

    private static final int REPLY_BYTES = 1 << 20;
    private static final int CALLS = 1_000;
    /** Read before it stops, so that all its calls are under way. */
    private static final int READ_BYTES = 4 << 20;

    private static final double MIB = 1 << 20;
    private static final int SLICES_PER_TURN = 4;
    private static final long POLL_NANOS = 200_000;
    private static final long SETTLING_NANOS = 300_000_000;

    private final Contenders contenders;
    private final Plan plan;
    private final Report report;

    NonReaderRows(Contenders contenders, Plan plan, Report report) {
        this.contenders = contenders;
        this.plan = plan;
        this.report = report;
    }

    void measureAll() throws Exception {
        measure("calls", peer -> peer.demandByCalls(REPLY_BYTES, CALLS));
        measure("stream", peer -> peer.demandByStream(REPLY_BYTES, CALLS));
    }

    private void measure(String kind, Consumer<HivemindCaller> demand) throws Exception {
        if (!plan.selects("nonreader/" + kind)) {
            return;
        }
        report.progress("a peer that does not read, by " + kind);
        List<Double> peaks = new ArrayList<>();
        for (int turn = 0; turn < plan.repetitions(); turn++) {
            peaks.add(peakMebibytes(demand, plan.slice().multipliedBy(SLICES_PER_TURN)));
        }
        report.row(new Row()
                .put("op", "nonreader")
                .put("kind", kind)
                .put("bytes", REPLY_BYTES)
                .put("calls", CALLS)
                .put("hivemindMebibytes", Series.of(peaks, peak -> peak)));
    }

    private double peakMebibytes(Consumer<HivemindCaller> demand, Duration time) throws Exception {
        try (var link = NarrowLink.open(contenders.hivemind().socketAddress(), NarrowLink.UNLIMITED);
                var peer = contenders.hivemind().callerBy(link.port())) {
            link.stallRepliesAfter(READ_BYTES);
            long before = settledDirectMemory();
            demand.accept(peer);
            return (peakDirectMemory(time) - before) / MIB;
        }
    }

    /** What is held when nothing has been given back for a while: the turn before may still be ending. */
    private static long settledDirectMemory() {
        long held = PlatformDependent.usedDirectMemory();
        long least;
        do {
            least = held;
            LockSupport.parkNanos(SETTLING_NANOS);
            held = PlatformDependent.usedDirectMemory();
        } while (held < least);
        return held;
    }

    private static long peakDirectMemory(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        long peak = 0;
        while (System.nanoTime() < end) {
            peak = Math.max(peak, PlatformDependent.usedDirectMemory());
            LockSupport.parkNanos(POLL_NANOS);
        }
        return peak;
    }
}
