package dev.hivemind.moe.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.SplittableRandom;

/** Arrays of numbers that are the same in each run. */
public final class RandomArrays {

    private RandomArrays() {}

    /** Numbers between -1 and 1. */
    public static float[] numbers(long seed, int count) {
        var random = new SplittableRandom(seed);
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextDouble(-1, 1);
        }
        return numbers;
    }

    /** An array of {@link #numbers} that requires a gradient. */
    public static NDArray leaf(NDManager manager, long seed, long... shape) {
        var of = new Shape(shape);
        NDArray leaf = manager.create(numbers(seed, Math.toIntExact(of.size())), of);
        leaf.setRequiresGradient(true);
        return leaf;
    }
}
