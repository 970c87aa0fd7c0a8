package dev.hivemind.benchmarks.throughput;

import dev.hivemind.moe.server.batching.DeviceThreads;
import dev.hivemind.moe.tensor.DeviceScheduler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import reactor.core.publisher.Mono;

/**
 * As many threads as the server has, to which its experts are dealt: each thread computes with one after another, as calls
 * find their parameters no longer in the cache either. Used while the server has nothing to do.
 */
final class BareDevices {

    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final List<BareExpert> experts;
    private final List<DeviceScheduler> devices;

    BareDevices(List<BareExpert> experts, DeviceThreads threads) {
        this.experts = List.copyOf(experts);
        this.devices = IntStream.range(0, threads.count())
                .mapToObj(i -> DeviceScheduler.create("bare-" + i, threads.intraOpThreads()))
                .toList();
    }

    /**
     * Samples per second of all threads together.
     *
     * @param backwardRows 0 for forward alone
     */
    double run(int forwardRows, int backwardRows, Duration time) throws Exception {
        long deadline = System.nanoTime() + time.toNanos();
        var measured = new CountDownLatch(devices.size());
        List<CompletableFuture<Double>> rates = new ArrayList<>();
        for (int i = 0; i < devices.size(); i++) {
            var loop = new BareLoop(dealtTo(i), forwardRows, backwardRows, deadline, measured);
            rates.add(Mono.fromSupplier(loop::run)
                    .subscribeOn(devices.get(i).scheduler())
                    .toFuture());
        }
        double sum = 0;
        for (CompletableFuture<Double> rate : rates) {
            sum += rate.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        }
        return sum;
    }

    private List<BareExpert> dealtTo(int device) {
        return IntStream.iterate(device, i -> i < experts.size(), i -> i + devices.size())
                .mapToObj(experts::get)
                .toList();
    }
}
