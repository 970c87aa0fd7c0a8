package dev.hivemind.moe.training;

import ai.djl.ndarray.NDList;
import dev.hivemind.moe.client.Layer;
import dev.hivemind.moe.client.ReactiveTape;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Passes on what it is given, both ways, when the test lets it: an expert far away. */
final class GatedLayer implements Layer {

    private final BlockingQueue<Gate> forward = new LinkedBlockingQueue<>();
    private final BlockingQueue<Gate> backward = new LinkedBlockingQueue<>();

    @Override
    public Mono<NDList> forward(ReactiveTape tape, NDList inputs) {
        return arrival(forward)
                .then(tape.local(() -> tape.record(
                        inputs,
                        new NDList(inputs.head()),
                        gradients -> arrival(backward).then(tape.local(() -> gradients)))));
    }

    private static Mono<Void> arrival(BlockingQueue<Gate> arrivals) {
        return Mono.defer(() -> {
            var gate = new Gate(Sinks.empty());
            arrivals.add(gate);
            return gate.sink.asMono();
        });
    }

    /** Waits until so many more batches stand before the layer. */
    List<Gate> forward(int count) {
        return take(forward, count);
    }

    /** Waits until so many more batches stand behind the layer, on their way back. */
    List<Gate> backward(int count) {
        return take(backward, count);
    }

    /** Batches before the layer that nobody took yet. */
    int waiting() {
        return forward.size();
    }

    private static List<Gate> take(BlockingQueue<Gate> arrivals, int count) {
        List<Gate> gates = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                Gate gate = arrivals.poll(TrainingFixture.TIMEOUT.toSeconds(), TimeUnit.SECONDS);
                if (gate == null) {
                    throw new AssertionError("Only %d of %d batches came".formatted(i, count));
                }
                gates.add(gate);
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        return gates;
    }

    record Gate(Sinks.Empty<Void> sink) {

        void open() {
            sink.tryEmitEmpty();
        }

        void fail(Throwable error) {
            sink.tryEmitError(error);
        }
    }
}
