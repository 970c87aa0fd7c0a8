package dev.hivemind.moe.expert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.initializer.Initializer;
import java.util.SplittableRandom;

/** Numbers between {@code -bound} and {@code bound} from a generator of its own, the same on every machine. */
final class UniformInitializer implements Initializer {

    private final double bound;
    private final SplittableRandom random;

    UniformInitializer(double bound, SplittableRandom random) {
        this.bound = bound;
        this.random = random;
    }

    /** As PyTorch does for linear layers: weights and biases below one over the root of the number of inputs. */
    static void initializeLinear(Block linear, int inputs, SplittableRandom random) {
        linear.getDirectParameters()
                .values()
                .forEach(parameter ->
                        parameter.setInitializer(new UniformInitializer(1 / Math.sqrt(inputs), random.split())));
    }

    @Override
    public NDArray initialize(NDManager manager, Shape shape, DataType dataType) {
        float[] values = new float[Math.toIntExact(shape.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-bound, bound);
        }
        // The array over the values borrows their memory from Java; the parameter gets memory of its own.
        try (NDArray borrowed = manager.create(values, shape)) {
            return dataType == DataType.FLOAT32 ? borrowed.duplicate() : borrowed.toType(dataType, true);
        }
    }
}
