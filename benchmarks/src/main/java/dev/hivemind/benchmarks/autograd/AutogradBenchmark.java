package dev.hivemind.benchmarks.autograd;

import dev.hivemind.benchmarks.harness.Benchmark;
import dev.hivemind.benchmarks.harness.Interleaved;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Time that a remote layer adds to a step, and what of it is bookkeeping, at 64 rows of 512. */
public final class AutogradBenchmark implements Benchmark {

    private static final int ROWS = 64;
    private static final int WIDTH = 512;
    private static final double NANOS_PER_MICRO = 1e3;

    /**
     * The compiler takes some ten thousand calls until it has done all that it does for them. Before that, a call costs
     * about twice as much.
     */
    private static final int WARM_UP_TURNS = 10;

    private static final String LOCAL = "local";
    private static final String REMOTE = "local, remote nop, local";
    private static final String CALLS = "local, and the bare calls";

    @Override
    public String name() {
        return "autograd";
    }

    @Override
    public String description() {
        return "Steps through a remote layer beside the all-local model and the bare calls.";
    }

    @Override
    public void run(Plan plan, Report report) throws Exception {
        report.progress("autograd: all in turns");
        try (var steps = new Steps(ROWS, WIDTH)) {
            Map<String, Interleaved.Case<Double>> cases = new LinkedHashMap<>();
            cases.put(LOCAL, time -> micros(steps::local, time));
            cases.put(REMOTE, time -> micros(steps::remote, time));
            cases.put(CALLS, time -> micros(steps::localAndBareCalls, time));
            Interleaved.run(cases, new Plan(WARM_UP_TURNS, plan.warmUp(), plan.warmUp(), plan.filter()));
            report(Interleaved.run(cases, plan), report);
        }
    }

    private static void report(Map<String, List<Double>> times, Report report) {
        times.forEach((name, series) -> report.row(
                new Row().put("step", name).put("shape", shape()).put("micros", Series.of(series, time -> time))));
        List<Double> local = times.getOrDefault(LOCAL, List.of());
        List<Double> remote = times.getOrDefault(REMOTE, List.of());
        List<Double> calls = times.getOrDefault(CALLS, List.of());
        report.row(new Row().put("figure", "added by the remote layer").put("micros", difference(remote, local)));
        report.row(new Row().put("figure", "bookkeeping of the remote layer").put("micros", difference(remote, calls)));
    }

    private static String shape() {
        return ROWS + "x" + WIDTH;
    }

    /** Turn by turn, so that what slowed a turn down slowed both. */
    private static List<Double> minus(List<Double> whole, List<Double> part) {
        return IntStream.range(0, whole.size())
                .mapToObj(turn -> whole.get(turn) - part.get(turn))
                .toList();
    }

    private static Series difference(List<Double> whole, List<Double> part) {
        return Series.of(minus(whole, part), time -> time);
    }

    /** Mean time of a step; at least one is taken. */
    private static double micros(Runnable step, Duration time) {
        long steps = 0;
        long start = System.nanoTime();
        long elapsed;
        do {
            step.run();
            steps++;
            elapsed = System.nanoTime() - start;
        } while (elapsed < time.toNanos());
        return elapsed / NANOS_PER_MICRO / steps;
    }
}
