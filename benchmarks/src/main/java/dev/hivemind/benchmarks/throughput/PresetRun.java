package dev.hivemind.benchmarks.throughput;

import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** One preset: a cold start, then turns of served and bare work. */
final class PresetRun implements AutoCloseable {

    /** More options of Java for the server's process. */
    static final String SERVER_OPTIONS = "BENCHMARK_SERVER_JAVA_OPTS";

    /** More options of Java for the clients' process. */
    static final String CLIENT_OPTIONS = "BENCHMARK_CLIENT_JAVA_OPTS";

    /** A server that has just started is compiled for long. */
    private static final int WARM_UPS = 4;

    private static final double MOST_COMPILING = 0.05;
    private static final int MAX_ROUNDS = 20;

    private static final String USAGE = "usage";
    private static final String COMPILED = "compileMillis";
    private static final String RESIDENT = "residentMiB";

    private final Preset preset;
    private final ChildProcess server;
    private final ChildProcess clients;

    private PresetRun(Preset preset, ChildProcess server, ChildProcess clients) {
        this.preset = preset;
        this.server = server;
        this.clients = clients;
    }

    /** Starts both processes. */
    static PresetRun start(Preset preset) throws Exception {
        ChildProcess server = ChildProcess.start(ExpertHost.class, SERVER_OPTIONS, preset.name());
        try {
            int port = (int) server.answer().get("port");
            ChildProcess clients = ChildProcess.start(Callers.class, CLIENT_OPTIONS, preset.name(), port);
            clients.answer();
            return new PresetRun(preset, server, clients);
        } catch (IOException | RuntimeException e) {
            server.close();
            throw e;
        }
    }

    Row measure(Plan plan) throws IOException {
        double cold = clients.tell("cold").get("samplesPerSecond");
        clients.tell("load", millis(plan.warmUp(), WARM_UPS));
        // Before the bare blocks make garbage of their own.
        double resident = server.tell(USAGE).get(RESIDENT) + clients.tell(USAGE).get(RESIDENT);
        warmUp(millis(plan.warmUp(), 1));
        List<Turn> turns = new ArrayList<>();
        for (int i = 0; i < plan.repetitions(); i++) {
            turns.add(turn(millis(plan.slice(), preset.slices())));
        }
        return row(cold, resident, turns);
    }

    /** Until the compilers have next to nothing left to do: they would take a core from what is measured. */
    private void warmUp(double millis) throws IOException {
        double compiling;
        int rounds = 0;
        do {
            double before = compileMillis();
            turn(millis);
            compiling = compileMillis() - before;
        } while (compiling > MOST_COMPILING * millis && ++rounds < MAX_ROUNDS);
    }

    private double compileMillis() throws IOException {
        return server.tell(USAGE).get(COMPILED) + clients.tell(USAGE).get(COMPILED);
    }

    private static double millis(Duration time, int times) {
        return time.multipliedBy(times).toNanos() / 1e6;
    }

    private Turn turn(double millis) throws IOException {
        Figures serverBefore = server.tell(USAGE);
        double clientsBefore = clients.tell(USAGE).get("cpuMillis");
        Figures load = clients.tell("load", millis);
        Figures clientsAfter = clients.tell(USAGE);
        Figures serverAfter = server.tell(USAGE);
        Figures used = serverAfter.since(serverBefore);
        used.put("cpuMillis", used.get("cpuMillis") + clientsAfter.get("cpuMillis") - clientsBefore);
        return new Turn(load, used, bare(used, millis));
    }

    /** The same operations on batches as large as those that were formed. */
    private double bare(Figures used, double millis) throws IOException {
        return server.tell("bare", mean(used, "forward"), preset.training() ? mean(used, "backward") : 0, millis)
                .get("samplesPerSecond");
    }

    private static double mean(Figures used, String direction) {
        return Math.max(1, Math.rint(used.get(direction + "Rows") / used.get(direction + "Batches")));
    }

    private Row row(double cold, double resident, List<Turn> turns) {
        Series steady = Series.of(turns, turn -> turn.load().get("samplesPerSecond"));
        Series bare = Series.of(turns, Turn::bareSamplesPerSecond);
        var row = new Row()
                .put("preset", preset.name())
                .put("samplesPerSecond", cold)
                .put("steady", steady)
                .put("cpuMillisPerCall", Series.of(turns, Turn::cpuMillisPerCall))
                .put("p50", loadSeries(turns, "p50"))
                .put("p99", loadSeries(turns, "p99"))
                .put("memoryMiB", resident)
                .put("meanBatchRows", Series.of(turns, Turn::meanBatchRows))
                .put("bareSamplesPerSecond", bare)
                .put("ratio", steady.over(bare));
        return preset.training() ? withTraining(row, turns) : row;
    }

    private static Row withTraining(Row row, List<Turn> turns) {
        return row.put("optimizer", ExpertHost.OPTIMIZER)
                .put("backwardP50", loadSeries(turns, "backwardP50"))
                .put("backwardP99", loadSeries(turns, "backwardP99"));
    }

    private static Series loadSeries(List<Turn> turns, String name) {
        return Series.of(turns, turn -> turn.load().get(name));
    }

    @Override
    public void close() throws IOException {
        try {
            clients.close();
        } finally {
            server.close();
        }
    }
}
