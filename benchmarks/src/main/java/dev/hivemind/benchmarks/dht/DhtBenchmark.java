package dev.hivemind.benchmarks.dht;

import com.google.protobuf.ByteString;
import com.sun.management.OperatingSystemMXBean;
import dev.hivemind.benchmarks.harness.Benchmark;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.StoreReceipt;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;

/** Storing, finding and declaring on swarms of several sizes: one row each for unsigned and for signed records. */
public final class DhtBenchmark implements Benchmark {

    private static final Duration TIMEOUT = Duration.ofMinutes(5);
    private static final Duration TTL = Duration.ofHours(1);
    private static final int KEYS = 256;
    private static final int BATCH = 32;
    private static final int QUICK_NODES = 32;

    /**
     * Rounds until the code is compiled and the nodes are connected, times the nodes: what is measured is not how a process
     * starts. A swarm of 512 cannot be connected fully, and its rounds take long.
     */
    private static final int WARM_UPS_TIMES_NODES = 2_560;

    private static final int MIN_WARM_UPS = 3;

    /** Of a round's time, what the compiler may take at the end of the warm-up. */
    private static final double COMPILED_SHARE = 0.03;

    /** So many rounds in a row have to be like that, since the compiler also pauses. */
    private static final int CALM_ROUNDS = 4;

    private static final Duration MAX_WARM_UP = Duration.ofMinutes(2);

    private final List<Integer> sizes;

    /** Swarms of these sizes. */
    public DhtBenchmark(List<Integer> sizes) {
        this.sizes = List.copyOf(sizes);
    }

    /** Swarms of 32, 128 and 512 nodes. */
    public DhtBenchmark() {
        this(List.of(QUICK_NODES, 128, 512));
    }

    @Override
    public String name() {
        return "dht";
    }

    @Override
    public String description() {
        return "Records stored and found by many nodes over sockets.";
    }

    @Override
    public void run(Plan plan, Report report) {
        for (int size : sizes) {
            if (plan.selects("dht/" + size)) {
                measure(size, plan.repetitions(), report);
            }
        }
    }

    private static void measure(int size, int repetitions, Report report) {
        report.progress("dht: %d nodes".formatted(size));
        long started = System.nanoTime();
        try (var swarm = new LocalSwarm(size)) {
            double createSeconds = (System.nanoTime() - started) / 1e9;
            report.progress("dht: warming up");
            warmUp(swarm, Math.max(MIN_WARM_UPS, WARM_UPS_TIMES_NODES / size));
            for (boolean signed : new boolean[] {false, true}) {
                for (int i = 0; i < repetitions; i++) {
                    Row row = new Row().put("nodes", (long) size).put("signed", String.valueOf(signed));
                    report.row(measure(swarm, signed, row.put("repetition", (long) i))
                            .put("createSeconds", createSeconds));
                }
            }
        }
    }

    /** At least so many rounds, and then until the compiler had little to do in some of them, one after another. */
    private static void warmUp(LocalSwarm swarm, int rounds) {
        CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
        long end = System.nanoTime() + MAX_WARM_UP.toNanos();
        int calm = 0;
        for (int round = 0; round < rounds || (calm < CALM_ROUNDS && System.nanoTime() < end); round++) {
            long compiled = compiler.getTotalCompilationTime();
            long started = System.nanoTime();
            measure(swarm, round % 2 == 1, new Row());
            double millis = (System.nanoTime() - started) / 1e6;
            calm = compiler.getTotalCompilationTime() - compiled < COMPILED_SHARE * millis ? calm + 1 : 0;
        }
    }

    private static Row measure(LocalSwarm swarm, boolean signed, Row row) {
        String run = signed + "-" + System.nanoTime();
        Cost store = Cost.of(swarm, () -> storeAll(swarm, run, signed));
        Cost get = Cost.of(swarm, () -> getAll(swarm, run));
        Cost declare = Cost.of(swarm, () -> declare(swarm.any(), run));
        return row.put("storeMillis", store.millis() / KEYS)
                .put("getMillis", get.millis() / KEYS)
                .put("declare32Millis", declare.millis())
                .put("messagesPerStore", store.messages() / (double) KEYS)
                .put("messagesPerGet", get.messages() / (double) KEYS)
                .put("cpuMicrosPerMessage", (store.cpuMicros() + get.cpuMicros()) / (store.messages() + get.messages()))
                .put("successRate", (store.successes() + get.successes()) / (2.0 * KEYS));
    }

    private static DhtKey key(String run, int index) {
        return DhtKey.of(run + "-" + index);
    }

    private static long storeAll(LocalSwarm swarm, String run, boolean signed) {
        long stored = 0;
        for (int first = 0; first < KEYS; first += BATCH) {
            DhtNode node = swarm.any();
            List<DhtRecord> batch = IntStream.range(first, first + BATCH)
                    .mapToObj(i -> record(node, key(run, i), signed))
                    .toList();
            stored += node.storeAll(batch)
                    .filter(StoreReceipt::isStored)
                    .count()
                    .blockOptional(TIMEOUT)
                    .orElse(0L);
        }
        return stored;
    }

    private static DhtRecord record(DhtNode node, DhtKey key, boolean signed) {
        ByteString value = ByteString.copyFromUtf8("value");
        return signed
                ? node.own(key, ByteString.EMPTY, value, node.now().plus(TTL))
                : DhtRecord.of(key, value, node.now().plus(TTL));
    }

    private static long getAll(LocalSwarm swarm, String run) {
        long found = 0;
        for (int first = 0; first < KEYS; first += BATCH) {
            DhtNode node = swarm.any();
            List<DhtKey> batch = IntStream.range(first, first + BATCH)
                    .mapToObj(i -> key(run, i))
                    .toList();
            found += node.getAll(batch, node.now())
                    .count()
                    .blockOptional(TIMEOUT)
                    .orElse(0L);
        }
        return found;
    }

    private static long declare(DhtNode node, String run) {
        List<ExpertUid> uids = IntStream.range(0, BATCH)
                .mapToObj(i -> new ExpertUid(run + "." + i))
                .toList();
        return new ExpertDirectory(node)
                .declare(uids, TTL)
                .blockOptional(TIMEOUT)
                .orElseThrow()
                .stored();
    }

    private record Cost(double millis, long messages, double cpuMicros, long successes) {

        static Cost of(LocalSwarm swarm, LongSupplier work) {
            var process = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
            long cpu = process.getProcessCpuTime();
            long messages = swarm.requests();
            long started = System.nanoTime();
            long successes = work.getAsLong();
            double millis = (System.nanoTime() - started) / 1e6;
            return new Cost(millis, swarm.requests() - messages, (process.getProcessCpuTime() - cpu) / 1e3, successes);
        }
    }
}
