package dev.hivemind.moe.server.batching;

import dev.hivemind.moe.tensor.DeviceScheduler;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The threads of a device.
 *
 * @param name what the names of the threads begin with, for example {@code hivemind-device}
 * @param count how many batches, of different experts, are computed at a time; at least 1
 * @param intraOpThreads threads that share one operation of a batch; at least 1
 */
public record DeviceThreads(String name, int count, int intraOpThreads) {

    public DeviceThreads {
        if (count < 1) {
            throw new IllegalArgumentException("There is at least 1 device thread, not " + count);
        }
        if (intraOpThreads < 1) {
            throw new IllegalArgumentException("intraOpThreads is at least 1, not " + intraOpThreads);
        }
    }

    /**
     * As many threads as there are cores: one for each of many experts, all of them for a single one. Batches of
     * different experts then run side by side, which shares cores better than one operation does.
     */
    public static DeviceThreads choose(String name, int experts, int cores) {
        int count = Math.max(1, Math.min(experts, cores));
        return new DeviceThreads(name, count, Math.max(1, cores / count));
    }

    List<DeviceScheduler> open() {
        return IntStream.range(0, count)
                .mapToObj(i -> DeviceScheduler.create(name + "-" + i, intraOpThreads))
                .toList();
    }
}
