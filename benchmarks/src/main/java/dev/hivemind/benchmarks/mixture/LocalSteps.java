package dev.hivemind.benchmarks.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.hivemind.benchmarks.throughput.BareExpert;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.tensor.DeviceScheduler;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The same experts with as many rows each, computed by as many threads as servers use, and nothing around them. */
final class LocalSteps implements AutoCloseable {

    private final List<DeviceScheduler> devices;
    private final List<Group> groups = new ArrayList<>();

    LocalSteps(List<Integer> rows, int width, int threads) {
        this.devices = IntStream.range(0, threads)
                .mapToObj(i -> DeviceScheduler.create("local-device-" + i, 1))
                .toList();
        for (int expert = 0; expert < rows.size(); expert++) {
            groups.add(new Group(rows.get(expert), width, expert));
        }
    }

    void forward() {
        all(Group::forward);
    }

    /** In the order of a mixture, whose loss needs all outputs. */
    void forwardAndBackward() {
        all(Group::forward);
        all(Group::backward);
    }

    private void all(Consumer<Group> work) {
        Flux.range(0, devices.size())
                .flatMap(device -> Mono.fromRunnable(() -> {
                            for (int i = device; i < groups.size(); i += devices.size()) {
                                work.accept(groups.get(i));
                            }
                        })
                        .subscribeOn(devices.get(device).scheduler()))
                .blockLast();
    }

    @Override
    public void close() {
        devices.forEach(DeviceScheduler::dispose);
        groups.forEach(group -> group.manager.close());
    }

    /** One expert and its rows. */
    private static final class Group {

        private final NDManager manager = TensorOps.newManager();
        private final BareExpert expert;
        private final NDArray input;
        private final NDArray gradient;

        Group(int rows, int width, long seed) {
            ExpertDefinition definition = ExpertSwarm.expert(width, seed);
            ExpertBackend backend = ExpertSwarm.backend(definition);
            this.expert = new BareExpert(definition, backend, width);
            this.input = expert.tensor(manager, rows);
            this.gradient = expert.tensor(manager, rows);
        }

        void forward() {
            expert.forward(manager, input);
        }

        void backward() {
            expert.backward(manager, input, gradient);
        }
    }
}
