package dev.hivemind.samples.trainer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.SplittableRandom;

/** {@code x · weight + bias}, trained here. */
record DenseLayer(NDArray weight, NDArray bias) {

    /** Weights and biases uniform in {@code ±1/√inputs}, as PyTorch initializes linear layers. */
    static DenseLayer create(NDManager manager, int inputs, int outputs, SplittableRandom random) {
        double bound = 1 / Math.sqrt(inputs);
        return new DenseLayer(
                parameter(manager, random, bound, new Shape(inputs, outputs)),
                parameter(manager, random, bound, new Shape(outputs)));
    }

    NDArray apply(NDArray x) {
        return x.dot(weight).add(bias);
    }

    private static NDArray parameter(NDManager manager, SplittableRandom random, double bound, Shape shape) {
        float[] values = new float[Math.toIntExact(shape.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-bound, bound);
        }
        NDArray parameter = manager.create(values, shape);
        parameter.setRequiresGradient(true);
        return parameter;
    }
}
