package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.client.TrainableLayer;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import reactor.core.publisher.Mono;

/** A single expert, which no batch may be too large for. Thread-safe. */
final class RemoteSegment implements TrainableLayer, Usage {

    private final String name;
    private final String description;
    private final RemoteExpert expert;
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong failedCalls = new AtomicLong();
    private volatile boolean answering;

    private RemoteSegment(String name, RemoteExpert expert) {
        this.name = name;
        this.description = "segment '%s', expert %s".formatted(name, expert.uid());
        this.expert = expert;
    }

    static Segment of(String name, RemoteExpert expert) {
        var segment = new RemoteSegment(name, expert);
        return new Segment(name, segment.description, segment, segment);
    }

    @Override
    public Map<String, NDArray> parameters() {
        return Map.of();
    }

    @Override
    public Mono<NDList> forward(ReactiveTape tape, NDList inputs, Map<String, NDArray> parameters) {
        return expert.info()
                .flatMap(schema -> tape.local(() -> requireRoom(schema, inputs)))
                .flatMap(fitting -> tape.forward(expert, fitting, this::requireFinite))
                .doOnNext(outputs -> answered())
                .doOnError(RpcException.class, error -> failed());
    }

    private NDList requireRoom(ExpertSchema schema, NDList inputs) {
        long rows = inputs.head().getShape().get(0);
        if (rows > schema.maxBatchSize()) {
            throw new SchemaMismatchException(
                    "Segment '%s' got %d rows, but %s takes at most %d at once: make batches smaller, have the server"
                                    .formatted(name, rows, expert.uid(), schema.maxBatchSize())
                            + " take more, or use a mixture, which splits them");
        }
        return inputs;
    }

    /** What is not finite would go on to experts in front of this one, and spoil the gradients of all. */
    private void requireFinite(NDList gradients) {
        if (!Finite.all(gradients)) {
            throw new NotFiniteException(name, "gradients of " + description);
        }
    }

    private void answered() {
        calls.incrementAndGet();
        answering = true;
    }

    private void failed() {
        calls.incrementAndGet();
        failedCalls.incrementAndGet();
        answering = false;
    }

    @Override
    public void wentBackward(boolean successfully) {
        if (successfully) {
            answered();
        } else {
            failed();
        }
    }

    @Override
    public long calls() {
        return calls.get();
    }

    @Override
    public long failedCalls() {
        return failedCalls.get();
    }

    @Override
    public int expertsAnswering() {
        return answering ? 1 : 0;
    }
}
