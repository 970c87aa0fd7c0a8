package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.hivemind.moe.client.Layer;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.TrainableLayer;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A named part of a model.
 *
 * @param name that its weights are known by
 * @param description of who computes it, for people
 * @param layer that computes it
 * @param usage of experts
 * @param sideLoss factor on the last output, which is a part of the loss and no input of the next segment; empty if there is
 *     no such output
 */
record Segment(String name, String description, TrainableLayer layer, Usage usage, OptionalDouble sideLoss) {

    /** One whose outputs are the inputs of the next. */
    Segment(String name, String description, TrainableLayer layer, Usage usage) {
        this(name, description, layer, usage, OptionalDouble.empty());
    }

    /** A layer of one's own, with weights or without. */
    static Segment of(String name, Layer layer) {
        TrainableLayer trainable = layer instanceof TrainableLayer own ? own : new Weightless(layer);
        return new Segment(name, "segment '%s'".formatted(name), trainable, Usage.NONE);
    }

    /**
     * The outputs for some inputs, recorded on the tape.
     *
     * @param weights that the batch read
     * @param seeding if any, to be done before something random is; other batches may compute between it and a layer of
     *     one's own
     */
    Mono<NDList> forward(ReactiveTape tape, NDList inputs, Weights weights, @Nullable Runnable seeding) {
        Map<String, NDArray> parameters = weights.of(this);
        if (layer instanceof BlockLayer block) {
            return block.forward(tape, inputs, parameters, seeding == null ? () -> {} : seeding, weights::onAccepted);
        }
        if (seeding == null || usage != Usage.NONE) {
            return layer.forward(tape, inputs, parameters);
        }
        return tape.local(() -> {
                    seeding.run();
                    return inputs;
                })
                .flatMap(given -> layer.forward(tape, given, parameters));
    }

    /** The name of one of its parameters in the whole model. */
    String nameOf(String parameter) {
        return name + "." + parameter;
    }

    /** A layer without weights. */
    private record Weightless(Layer layer) implements TrainableLayer {

        @Override
        public Map<String, NDArray> parameters() {
            return Map.of();
        }

        @Override
        public Mono<NDList> forward(ReactiveTape tape, NDList inputs, Map<String, NDArray> parameters) {
            return layer.forward(tape, inputs);
        }
    }
}
