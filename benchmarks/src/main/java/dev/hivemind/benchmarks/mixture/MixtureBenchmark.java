package dev.hivemind.benchmarks.mixture;

import dev.hivemind.benchmarks.dht.LocalSwarm;
import dev.hivemind.benchmarks.harness.Benchmark;
import dev.hivemind.benchmarks.harness.Interleaved;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.CallPolicy;
import dev.hivemind.moe.gating.BeamSearch;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.gating.Lifetimes;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.compression.Compression;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * 16 ffn experts with 256 features on 4 servers, 64 rows of which each goes to 4: a step beside the same experts without
 * anything around them; bytes with compression beside those without; and the search for experts in 32 by 32 cells.
 */
public final class MixtureBenchmark implements Benchmark {

    private static final Duration TIMEOUT = Duration.ofMinutes(5);
    private static final Duration LONG = Duration.ofHours(1);
    private static final int ROWS = 64;
    private static final int WIDTH = 256;
    private static final int SERVERS = 4;
    private static final ExpertGrid GRID = ExpertGrid.of("ffn", 4, 4);
    private static final int NODES = 64;
    private static final ExpertGrid LARGE_GRID = ExpertGrid.of("ffn", 32, 32);
    private static final int K_BEST = 4;
    private static final int COLD_SEARCHES = 20;

    /** The compiler takes some ten thousand calls until it has done all that it does for them. */
    private static final int WARM_UP_TURNS = 30;

    @Override
    public String name() {
        return "moe";
    }

    @Override
    public String description() {
        return "A mixture of experts beside the same without a network, and beam search.";
    }

    @Override
    public void run(Plan plan, Report report) throws Exception {
        TensorOps.prepareThread(1);
        if (plan.selects("mixture")) {
            report.progress("moe: steps of a mixture");
            mixture(plan, report);
        }
        if (plan.selects("search")) {
            report.progress("moe: beam search among %d nodes".formatted(NODES));
            search(plan, report);
        }
    }

    private static void mixture(Plan plan, Report report) throws Exception {
        try (var swarm = new ExpertSwarm(GRID, SERVERS, WIDTH);
                var remote = new RemoteSteps(swarm.client(CallPolicy.DEFAULT), GRID, ROWS, WIDTH)) {
            List<Integer> groups = remote.groups();
            try (var local = new LocalSteps(groups, WIDTH, SERVERS)) {
                compare("forward", remote::forward, local::forward, remote, groups, plan, report);
                compare(
                        "forward and backward",
                        remote::forwardAndBackward,
                        local::forwardAndBackward,
                        remote,
                        groups,
                        plan,
                        report);
            }
            compression(swarm, report);
        }
    }

    private static void compare(
            String step,
            Runnable remoteStep,
            Runnable localStep,
            RemoteSteps remote,
            List<Integer> groups,
            Plan plan,
            Report report)
            throws Exception {
        long before = remote.calls();
        remoteStep.run();
        long calls = remote.calls() - before;
        Interleaved.run(
                cases(remoteStep, localStep), new Plan(WARM_UP_TURNS, plan.warmUp(), plan.warmUp(), plan.filter()));
        Map<String, List<Pace>> paces = Interleaved.run(cases(remoteStep, localStep), plan);
        List<Pace> with = paces.getOrDefault("remote", List.of());
        List<Pace> without = paces.getOrDefault("local", List.of());
        List<Pace> seldom = paces.getOrDefault("seldom", List.of());
        Series remoteMillis = Series.of(with, Pace::millis);
        Series localMillis = Series.of(without, Pace::millis);
        report.row(new Row()
                .put("step", step)
                .put("calls", calls)
                .put("distinctExperts", groups.size())
                .put("remoteMillis", remoteMillis)
                .put("localMillis", localMillis)
                .put("addedCpuMillisPerCall", addedCpuMillis(with, without, groups.size()))
                .put("addedCpuMillisPerCallAtSamePace", addedCpuMillis(with, seldom, groups.size()))
                .put("ratio", remoteMillis.over(localMillis)));
    }

    /** Local steps are taken as fast as they can be, and in turns of their own no more often than remote ones. */
    private static Map<String, Interleaved.Case<Pace>> cases(Runnable remoteStep, Runnable localStep) {
        var period = new AtomicLong();
        Map<String, Interleaved.Case<Pace>> cases = new LinkedHashMap<>();
        cases.put("remote", time -> {
            Pace pace = Pace.of(remoteStep, time);
            period.set(Math.round(pace.millis() * 1e6));
            return pace;
        });
        cases.put("local", time -> Pace.of(localStep, time));
        cases.put("seldom", time -> Pace.of(localStep, period.get(), time));
        return cases;
    }

    private static Series addedCpuMillis(List<Pace> with, List<Pace> without, int experts) {
        return Series.of(IntStream.range(0, with.size())
                .mapToDouble(
                        turn -> (with.get(turn).cpuMillis() - without.get(turn).cpuMillis()) / experts)
                .toArray());
    }

    private static void compression(ExpertSwarm swarm, Report report) {
        double plain = bytesOfAStep(swarm, CallPolicy.DEFAULT);
        double compressed = bytesOfAStep(
                swarm, CallPolicy.DEFAULT.withActivations(Compression.INT8).withGradients(Compression.INT8));
        report.row(new Row()
                .put("figure", "bytes of a step as int8")
                .put("bytes", Math.round(compressed))
                .put("plainBytes", Math.round(plain))
                .put("ratio", compressed / plain));
    }

    private static double bytesOfAStep(ExpertSwarm swarm, CallPolicy policy) {
        try (var steps = new RemoteSteps(swarm.client(policy), GRID, ROWS, WIDTH)) {
            steps.forwardAndBackward();
            double before = swarm.wireBytes();
            steps.forwardAndBackward();
            return swarm.wireBytes() - before;
        }
    }

    private static void search(Plan plan, Report report) throws Exception {
        try (var swarm = new LocalSwarm(NODES)) {
            declareAll(swarm);
            var directory = new ExpertDirectory(swarm.any());
            float[] scores = scores();
            BeamSearch known = BeamSearch.create(LARGE_GRID, directory, Lifetimes.of(LONG));
            for (int i = 0; i < COLD_SEARCHES; i++) {
                cold(directory, scores);
            }
            report.row(new Row()
                    .put("figure", "search of 64 rows, nothing known")
                    .put("cells", LARGE_GRID.cells())
                    .put("nodes", NODES)
                    .put(
                            "millis",
                            Series.of(IntStream.range(0, Math.max(plan.repetitions(), COLD_SEARCHES))
                                    .mapToDouble(i -> cold(directory, scores))
                                    .toArray())));
            Map<String, Interleaved.Case<Pace>> cases = new LinkedHashMap<>();
            cases.put("warm", time -> Pace.of(() -> find(known, scores), time));
            List<Pace> warm = Interleaved.run(cases, plan).getOrDefault("warm", List.of());
            report.row(new Row()
                    .put("figure", "search of 64 rows, all known")
                    .put("cells", LARGE_GRID.cells())
                    .put("nodes", NODES)
                    .put("millis", Series.of(warm, Pace::millis)));
        }
    }

    /** Each node has a part of a line. */
    private static void declareAll(LocalSwarm swarm) {
        long cells = LARGE_GRID.cells();
        long each = cells / NODES;
        for (long first = 0; first < cells; first += each) {
            List<ExpertUid> uids = LongStream.range(first, first + each)
                    .mapToObj(LARGE_GRID::cell)
                    .toList();
            new ExpertDirectory(swarm.any()).declare(uids, LONG).block(TIMEOUT);
        }
    }

    private static float[] scores() {
        var random = new SplittableRandom(5);
        float[] scores = new float[ROWS * LARGE_GRID.scores()];
        for (int i = 0; i < scores.length; i++) {
            scores[i] = (float) random.nextDouble(-1, 1);
        }
        return scores;
    }

    private static double cold(ExpertDirectory directory, float[] scores) {
        BeamSearch search = BeamSearch.create(LARGE_GRID, directory, Lifetimes.of(LONG));
        long start = System.nanoTime();
        find(search, scores);
        return (System.nanoTime() - start) / 1e6;
    }

    private static void find(BeamSearch search, float[] scores) {
        search.find(scores, K_BEST).block(TIMEOUT);
    }
}
