package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.training.StepReport.Totals;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import reactor.core.publisher.Mono;

/** Segments in the order in which a batch goes through them. */
final class Model {

    private final List<Segment> segments;
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();
    private final Map<String, NDArray> buffers = new LinkedHashMap<>();

    /** @throws IllegalArgumentException if there is no segment, or a parameter is not of float32 */
    Model(List<Segment> segments) {
        if (segments.isEmpty()) {
            throw new IllegalArgumentException("A model has at least one segment");
        }
        this.segments = List.copyOf(segments);
        Set<NDArray> known = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Segment segment : segments) {
            segment.layer().parameters().forEach((name, array) -> {
                if (known.add(array)) {
                    parameters.put(segment.nameOf(name), array);
                }
            });
            segment.layer().buffers().forEach((name, array) -> buffers.put(segment.nameOf(name), array));
        }
        parameters.forEach(Model::requireFloat32);
        buffers.forEach(Model::requireFloat32);
    }

    private static void requireFloat32(String name, NDArray array) {
        if (array.getDataType() != DataType.FLOAT32) {
            throw new IllegalArgumentException(
                    "Local weights are float32, but %s is %s".formatted(name, array.getDataType()));
        }
    }

    List<Segment> segments() {
        return segments;
    }

    /** What is trained here, by its name in the whole model; what several share, by the first of its names. */
    Map<String, NDArray> parameters() {
        return Collections.unmodifiableMap(parameters);
    }

    /** What else belongs into a checkpoint. */
    Map<String, NDArray> buffers() {
        return Collections.unmodifiableMap(buffers);
    }

    /** Leads a batch through all segments. */
    Mono<NDList> forward(ReactiveTape tape, Begun begun, Noise noise) {
        Mono<NDList> flow = Mono.just(begun.inputs);
        for (int i = 0; i < segments.size(); i++) {
            Segment segment = segments.get(i);
            Runnable seeding = noise.seeding(tape.manager(), i);
            flow = flow.flatMap(given -> segment.forward(tape, given, begun.weights, seeding))
                    .switchIfEmpty(tape.local(() -> nothing(segment)))
                    .flatMap(outputs -> withoutSideLoss(tape, begun, segment, outputs))
                    .doOnNext(outputs -> begun.trace.add(segment, outputs));
        }
        return flow;
    }

    /** What is left for the next segment; a factor in the graph is an array. */
    private static Mono<NDList> withoutSideLoss(ReactiveTape tape, Begun begun, Segment segment, NDList outputs) {
        if (segment.sideLoss().isEmpty()) {
            return Mono.just(outputs);
        }
        return tape.local(() -> {
            int last = outputs.size() - 1;
            NDArray factor = tape.manager().create((float) segment.sideLoss().getAsDouble());
            begun.sideLosses.add(outputs.get(last).mul(factor));
            return new NDList(outputs.subList(0, last));
        });
    }

    /** Not of a step that is over, for which nothing is computed on its tape any more. */
    private static NDList nothing(Segment segment) {
        throw new IllegalStateException("%s gave nothing".formatted(segment.description()));
    }

    /**
     * A batch on its way.
     *
     * @param weights that it read
     * @param inputs of the first segment
     * @param trace takes down what each segment made
     * @param sideLosses that segments add to the loss in training
     */
    record Begun(Weights weights, NDList inputs, Trace trace, NDList sideLosses) {}

    void wentBackward(boolean successfully) {
        segments.forEach(segment -> segment.usage().wentBackward(successfully));
    }

    /** What all segments have asked of experts so far. */
    Totals usage() {
        long calls = 0;
        long failed = 0;
        int answering = 0;
        for (Segment segment : segments) {
            calls += segment.usage().calls();
            failed += segment.usage().failedCalls();
            answering += segment.usage().expertsAnswering();
        }
        return new Totals(0, 0, calls, failed, answering, 0, 0);
    }
}
