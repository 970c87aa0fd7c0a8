package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.hivemind.moe.client.Layer;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.TrainableLayer;
import java.util.Map;
import reactor.core.publisher.Mono;

/**
 * A named part of a model.
 *
 * @param name that its weights are known by
 * @param description of who computes it, for people
 * @param layer that computes it
 * @param usage of experts
 */
record Segment(String name, String description, TrainableLayer layer, Usage usage) {

    /** A layer of one's own, with weights or without. */
    static Segment of(String name, Layer layer) {
        TrainableLayer trainable = layer instanceof TrainableLayer own ? own : new Weightless(layer);
        return new Segment(name, "segment '%s'".formatted(name), trainable, Usage.NONE);
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
