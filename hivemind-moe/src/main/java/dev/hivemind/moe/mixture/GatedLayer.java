package dev.hivemind.moe.mixture;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.TrainableLayer;
import dev.hivemind.moe.gating.GridGate;
import java.util.LinkedHashMap;
import java.util.Map;
import reactor.core.publisher.Mono;

/**
 * A mixture as a layer of a pipeline: what is trained of it here are weight and bias of its gate.
 *
 * @param gate with the layer's own weights
 * @param mixture that goes forward by a gate with those of a step
 */
record GatedLayer(GridGate gate, Gated mixture) implements TrainableLayer {

    private static final String WEIGHT = "weight";
    private static final String BIAS = "bias";

    /** A mixture that is handed its gate. */
    @FunctionalInterface
    interface Gated {

        Mono<NDList> forward(ReactiveTape tape, NDList inputs, GridGate gate);
    }

    @Override
    public Map<String, NDArray> parameters() {
        Map<String, NDArray> parameters = new LinkedHashMap<>();
        parameters.put(WEIGHT, gate.parameters().get(0));
        parameters.put(BIAS, gate.parameters().get(1));
        return parameters;
    }

    @Override
    public Mono<NDList> forward(ReactiveTape tape, NDList inputs, Map<String, NDArray> parameters) {
        NDArray weight = requireNonNull(parameters.get(WEIGHT), WEIGHT);
        NDArray bias = requireNonNull(parameters.get(BIAS), BIAS);
        return mixture.forward(tape, inputs, gate.with(weight, bias));
    }
}
