package dev.hivemind.samples.trainer;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.TrainableLayer;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import reactor.core.publisher.Mono;

/** {@code x · weight + bias}, trained here: what a layer of one's own looks like. */
final class DenseLayer implements TrainableLayer {

    private static final String WEIGHT = "weight";
    private static final String BIAS = "bias";

    private final Map<String, NDArray> parameters = new LinkedHashMap<>();

    private DenseLayer(NDArray weight, NDArray bias) {
        parameters.put(WEIGHT, weight);
        parameters.put(BIAS, bias);
    }

    /** Weights and biases uniform in {@code ±1/√inputs}, as PyTorch initializes linear layers. */
    static DenseLayer create(NDManager manager, int inputs, int outputs, SplittableRandom random) {
        double bound = 1 / Math.sqrt(inputs);
        return new DenseLayer(
                uniform(manager, random, bound, new Shape(inputs, outputs)),
                uniform(manager, random, bound, new Shape(outputs)));
    }

    @Override
    public Map<String, NDArray> parameters() {
        return Collections.unmodifiableMap(parameters);
    }

    @Override
    public Mono<NDList> forward(ReactiveTape tape, NDList inputs, Map<String, NDArray> values) {
        NDArray weight = requireNonNull(values.get(WEIGHT), WEIGHT);
        NDArray bias = requireNonNull(values.get(BIAS), BIAS);
        return tape.local(() -> new NDList(inputs.head().dot(weight).add(bias)));
    }

    private static NDArray uniform(NDManager manager, SplittableRandom random, double bound, Shape shape) {
        float[] values = new float[Math.toIntExact(shape.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-bound, bound);
        }
        return manager.create(values, shape);
    }
}
