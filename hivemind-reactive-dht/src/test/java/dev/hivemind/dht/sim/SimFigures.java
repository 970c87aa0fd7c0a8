package dev.hivemind.dht.sim;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.StoreReceipt;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.sim.SimSwarm.Member;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.rsocket.frame.Operation;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.LongStream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What swarms of one size achieve, pooled over seeds. Times are virtual, except for the cost of a request. */
final class SimFigures {

    private static final int RECORDS = 200;
    private static final int TIMED = 20;
    private static final int FINDS = 12;
    private static final int AT_ONCE = 20;

    /** How many swarms are also divided and joined again, which takes as long as all the rest. */
    private static final int PARTITIONED = 1;

    private final List<Double> hops = new ArrayList<>();
    private final List<Double> findMessages = new ArrayList<>();
    private final List<Double> findMillis = new ArrayList<>();
    private final List<Double> nearestFound = new ArrayList<>();
    private final List<Double> findMillisAmongDead = new ArrayList<>();
    private final List<Double> getMessages = new ArrayList<>();
    private final List<Double> getMillis = new ArrayList<>();
    private final List<Double> storeMillis = new ArrayList<>();
    private final List<Double> healed = new ArrayList<>();
    private final Map<Integer, List<Double>> foundAfterDeath = new TreeMap<>();
    private final List<Double> joinRequests = new ArrayList<>();
    private long cpuNanos;
    private long requests;

    /** Swarms of one size, one for each seed, two at a time. */
    static SimFigures measure(int nodes, long seeds) {
        ExecutorService two = Executors.newFixedThreadPool(2);
        try {
            List<Callable<SimFigures>> runs = LongStream.rangeClosed(1, seeds)
                    .mapToObj(seed -> (Callable<SimFigures>) () -> new SimFigures().run(nodes, seed))
                    .toList();
            SimFigures pooled = new SimFigures();
            for (Future<SimFigures> run : two.invokeAll(runs)) {
                pooled.add(run.get());
            }
            return pooled;
        } catch (InterruptedException | ExecutionException e) {
            throw new AssertionError(e);
        } finally {
            two.shutdownNow();
        }
    }

    private SimFigures run(int nodes, long seed) {
        long cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        SimSwarm swarm = new SimSwarm(seed, node -> node).grow(nodes);
        joinRequests.add(swarm.network().requests() / (double) nodes);
        swarm.time().run(Duration.ofSeconds(5));
        finds(swarm, "before", hops, findMillis);
        stores(swarm);
        gets(swarm);
        for (int percent : new int[] {10, 30, 50}) {
            swarm.kill(percent / 100.0);
            if (percent == 30) {
                finds(swarm, "dead", new ArrayList<>(), findMillisAmongDead);
            }
            foundAfterDeath.put(percent, getsAfterDeath(swarm));
            swarm.members().forEach(member -> member.transport().revive());
        }
        if (seed <= PARTITIONED) {
            partition(swarm);
        }
        cpuNanos = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - cpu;
        requests = swarm.network().requests();
        swarm.close();
        return this;
    }

    private static double millis(SimSwarm swarm, Runnable action) {
        Duration before = swarm.time().elapsed();
        action.run();
        return swarm.time().elapsed().minus(before).toNanos() / 1e6;
    }

    private void finds(SimSwarm swarm, String name, List<Double> hopCounts, List<Double> times) {
        for (int i = 0; i < FINDS; i++) {
            Member asker = swarm.anyone();
            var target = DhtKey.of(name + i).target();
            List<LookupResult> results = new ArrayList<>();
            times.add(millis(swarm, () -> results.add(swarm.await(asker.node().findNearest(target)))));
            LookupResult result = results.get(0);
            hopCounts.add((double) result.stats().hops());
            if (times == findMillis) {
                findMessages.add((double) result.stats().messages());
                var truth = swarm.nearest(target, 21).stream()
                        .filter(member -> member != asker)
                        .map(Member::place)
                        .limit(20)
                        .toList();
                nearestFound.add(result.closest().stream()
                                .filter(contact -> truth.contains(contact.id()))
                                .count()
                        / 20.0);
            }
        }
    }

    private static DhtKey key(String name, int index) {
        return DhtKey.of(name + "-" + index);
    }

    private static Mono<StoreReceipt> store(Member member, DhtKey key) {
        var record = DhtRecord.of(
                key, ByteString.copyFromUtf8("v"), member.node().now().plus(Duration.ofHours(10)));
        return member.node().store(record);
    }

    private void stores(SimSwarm swarm) {
        for (int i = 0; i < TIMED; i++) {
            DhtKey key = key("record", i);
            Member member = swarm.anyone();
            storeMillis.add(millis(swarm, () -> swarm.await(store(member, key))));
        }
        swarm.awaitAll(Flux.range(TIMED, RECORDS - TIMED)
                .flatMap(i -> store(swarm.anyone(), key("record", i)), AT_ONCE));
        swarm.time().run(Duration.ofSeconds(5));
    }

    private void gets(SimSwarm swarm) {
        for (int i = 0; i < RECORDS; i++) {
            DhtKey key = key("record", i);
            Member asker = swarm.anyone();
            long before = asker.transport().requests(Operation.DHT_FIND);
            getMillis.add(millis(swarm, () -> swarm.await(asker.node().get(key))));
            getMessages.add((double) asker.transport().requests(Operation.DHT_FIND) - before);
        }
    }

    private static List<Double> getsAfterDeath(SimSwarm swarm) {
        return swarm.awaitAll(Flux.range(0, RECORDS).flatMap(i -> found(swarm.anyone(), key("record", i)), AT_ONCE));
    }

    private static Mono<Double> found(Member asker, DhtKey key) {
        return asker.node().get(key).map(value -> 1.0).defaultIfEmpty(0.0);
    }

    /** Ten minutes in which two halves hear nothing of each other, and one minute after which they are one again. */
    private void partition(SimSwarm swarm) {
        List<Member> left = swarm.members().subList(0, swarm.members().size() / 2);
        List<Member> right =
                swarm.members().subList(left.size(), swarm.members().size());
        Set<Object> leftIds = new HashSet<>();
        left.forEach(member -> leftIds.add(member.node().id()));
        swarm.network().cut((from, to) -> leftIds.contains(from) != leftIds.contains(to));
        swarm.time().run(Duration.ofMinutes(9));
        int stored = RECORDS / 4;
        swarm.awaitAll(Flux.range(0, stored).flatMap(i -> store(left.get(i), key("left", i)), AT_ONCE));
        swarm.awaitAll(Flux.range(0, stored).flatMap(i -> store(right.get(i), key("right", i)), AT_ONCE));
        swarm.time().run(Duration.ofMinutes(1));
        swarm.network().heal();
        swarm.time().run(Duration.ofMinutes(1));
        healed.addAll(swarm.awaitAll(Flux.range(0, stored)
                .flatMap(i -> found(right.get(i + stored), key("left", i)), AT_ONCE)));
        healed.addAll(swarm.awaitAll(Flux.range(0, stored)
                .flatMap(i -> found(left.get(i + stored), key("right", i)), AT_ONCE)));
    }

    private void add(SimFigures other) {
        hops.addAll(other.hops);
        findMessages.addAll(other.findMessages);
        findMillis.addAll(other.findMillis);
        nearestFound.addAll(other.nearestFound);
        findMillisAmongDead.addAll(other.findMillisAmongDead);
        getMessages.addAll(other.getMessages);
        getMillis.addAll(other.getMillis);
        storeMillis.addAll(other.storeMillis);
        healed.addAll(other.healed);
        joinRequests.addAll(other.joinRequests);
        other.foundAfterDeath.forEach((share, found) ->
                foundAfterDeath.computeIfAbsent(share, any -> new ArrayList<>()).addAll(found));
        cpuNanos += other.cpuNanos;
        requests += other.requests;
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    private static double percentile(List<Double> values, int percent) {
        List<Double> sorted = values.stream().sorted().toList();
        return sorted.get(Math.min(sorted.size() - 1, sorted.size() * percent / 100));
    }

    double meanHops() {
        return mean(hops);
    }

    double meanFindMessages() {
        return mean(findMessages);
    }

    double meanNearestFound() {
        return mean(nearestFound);
    }

    double meanGetMessages() {
        return mean(getMessages);
    }

    double getMillis(int percent) {
        return percentile(getMillis, percent);
    }

    double findMillisAmongDead(int percent) {
        return percentile(findMillisAmongDead, percent);
    }

    /** The share of gets that succeed after so many of 100 nodes died at once. */
    double foundAfterDeath(int percent) {
        return mean(foundAfterDeath.get(percent));
    }

    double foundAfterHealing() {
        return mean(healed);
    }

    @Override
    public String toString() {
        return """
                hops to the 20 nearest, mean          %.2f
                messages of a find-node, mean         %.1f
                messages of a get, mean               %.1f
                messages of a join, mean              %.0f
                of the 20 nearest, found              %.2f %%
                find-node p50 / p95                   %.0f / %.0f ms
                store p50 / p95                       %.0f / %.0f ms
                get p50 / p95                         %.0f / %.0f ms
                find-node, 30 %% dead, p50 / p95       %.0f / %.0f ms
                gets that succeed, 10 / 30 / 50 %% dead  %.2f / %.2f / %.2f %%
                gets that succeed, partition healed   %.1f %%
                processor time of a request           %.1f us""".formatted(
                        meanHops(),
                        meanFindMessages(),
                        meanGetMessages(),
                        mean(joinRequests),
                        100 * meanNearestFound(),
                        percentile(findMillis, 50),
                        percentile(findMillis, 95),
                        percentile(storeMillis, 50),
                        percentile(storeMillis, 95),
                        getMillis(50),
                        getMillis(95),
                        findMillisAmongDead(50),
                        findMillisAmongDead(95),
                        100 * foundAfterDeath(10),
                        100 * foundAfterDeath(30),
                        100 * foundAfterDeath(50),
                        100 * foundAfterHealing(),
                        cpuNanos / 1e3 / requests);
    }
}
