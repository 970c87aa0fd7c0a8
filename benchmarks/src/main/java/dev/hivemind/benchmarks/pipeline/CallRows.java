package dev.hivemind.benchmarks.pipeline;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.benchmarks.harness.Interleaved;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.Reply;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Forward calls of an expert that returns what it is given: one by one, and over a long-lived stream. */
final class CallRows {

    private static final int WIDTH = 512;
    private static final int WARM_UP_TURNS = 10;
    private static final String SINGLE = "single";
    private static final String STREAM = "stream";

    private CallRows() {}

    /** {@code rows} of a call, so many calls at once. */
    static void measure(int rows, int concurrency, Plan plan, Report report) throws Exception {
        try (var host = new NopHost(WIDTH);
                NDManager manager = TensorOps.newManager()) {
            NDList inputs = new NDList(manager.ones(new Shape(rows, WIDTH)));
            int[] all = IntStream.range(0, rows).toArray();
            RemoteExpert single = host.near(false);
            RemoteExpert stream = host.near(true);
            Map<String, Interleaved.Case<Pace>> cases = new LinkedHashMap<>();
            cases.put(SINGLE, time -> Pace.of(() -> calls(single, inputs, all, concurrency), time));
            cases.put(STREAM, time -> Pace.of(() -> calls(stream, inputs, all, concurrency), time));
            Interleaved.run(cases, new Plan(WARM_UP_TURNS, plan.warmUp(), plan.warmUp(), plan.filter()));
            Map<String, List<Pace>> paces = Interleaved.run(cases, plan);
            report.row(row(rows, concurrency, paces));
        }
    }

    private static Row row(int rows, int concurrency, Map<String, List<Pace>> paces) {
        List<Pace> single = paces.getOrDefault(SINGLE, List.of());
        List<Pace> stream = paces.getOrDefault(STREAM, List.of());
        return new Row()
                .put("figure", "forward calls")
                .put("shape", rows + "x" + WIDTH)
                .put("concurrency", concurrency)
                .put("singleMicros", Series.of(single, Pace::micros))
                .put("streamMicros", Series.of(stream, Pace::micros))
                .put("singleCpuMicros", Series.of(single, Pace::cpuMicros))
                .put("streamCpuMicros", Series.of(stream, Pace::cpuMicros))
                .put("ratio", Series.of(stream, Pace::micros).over(Series.of(single, Pace::micros)));
    }

    /** Returns how many calls were made. */
    private static long calls(RemoteExpert expert, NDList inputs, int[] rows, int concurrency) {
        int count = 50 * concurrency;
        return Flux.range(0, count)
                .flatMap(i -> once(expert, inputs, rows), concurrency, 1)
                .count()
                .blockOptional()
                .orElse(0L);
    }

    /** Nothing that owns memory may leave, since {@code flatMap} may drop it. */
    private static Mono<Integer> once(RemoteExpert expert, NDList inputs, int[] rows) {
        return expert.forwardRows(inputs, rows).map(CallRows::read);
    }

    private static int read(Reply reply) {
        try {
            return reply.body().readableBytes();
        } finally {
            reply.release();
        }
    }
}
