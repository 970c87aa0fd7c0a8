package dev.hivemind.moe.client;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import java.util.Map;
import reactor.core.publisher.Mono;

/**
 * A layer with weights that are trained here. Whoever trains it may have several steps under way, each on weights of its
 * own: a step that reads copies is not disturbed when others change the originals, and collects its gradients at the
 * copies.
 *
 * <p>Threads: the weights are used by the client's tensor thread alone while steps are under way.
 */
public interface TrainableLayer extends Layer {

    /** The weights by name, in an order that stays. They belong to the layer, and require gradients. */
    Map<String, NDArray> parameters();

    /**
     * What else a checkpoint has to hold, by names of its own, such as running averages; used by all steps alike.
     * Default: nothing.
     */
    default Map<String, NDArray> buffers() {
        return Map.of();
    }

    /**
     * The outputs for some inputs, recorded on the tape, with these weights in place of the layer's own.
     *
     * @param inputs borrowed until the step ends
     * @param parameters one array for each name of {@link #parameters()}, borrowed until the step ends
     * @return arrays of the tape, on the client's tensor thread
     */
    Mono<NDList> forward(ReactiveTape tape, NDList inputs, Map<String, NDArray> parameters);

    /** With the layer's own weights. */
    @Override
    default Mono<NDList> forward(ReactiveTape tape, NDList inputs) {
        return forward(tape, inputs, parameters());
    }
}
