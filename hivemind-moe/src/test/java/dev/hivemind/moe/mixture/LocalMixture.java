package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import dev.hivemind.moe.client.Swarm;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Set;

/**
 * What a mixture of the ffn experts of a flat grid should give: every expert for every row, in one graph, and those that
 * do not count masked out.
 *
 * @param manager owns the results
 * @param gate weight and bias
 * @param kBest experts chosen for each row
 */
record LocalMixture(NDManager manager, NDList gate, int kBest) {

    private static final float MASKED = -1e30f;

    /**
     * The output for samples.
     *
     * @param declared experts among which each row has its choice
     * @param answering those that answer, if they are chosen
     */
    NDArray output(NDArray samples, Set<Integer> declared, Set<Integer> answering) {
        NDArray logits = samples.dot(gate.get(0)).add(gate.get(1));
        float[] mask = mask(logits, declared, answering);
        NDArray weights =
                logits.add(manager.create(mask, logits.getShape())).softmax(1).mul(anybody(mask, logits.getShape()));
        NDArray sum = manager.zeros(samples.getShape());
        for (int expert : answering) {
            NDArray weight = weights.get(":," + expert + ":" + (expert + 1));
            sum = sum.add(expert(expert, samples).mul(weight));
        }
        return sum;
    }

    private float[] mask(NDArray logits, Set<Integer> declared, Set<Integer> answering) {
        float[] scores = logits.toFloatArray();
        float[] mask = new float[scores.length];
        Arrays.fill(mask, MASKED);
        int width = (int) logits.getShape().get(1);
        for (int row = 0; row < scores.length / width; row++) {
            int first = row * width;
            declared.stream()
                    .sorted(Comparator.comparingDouble(expert -> -scores[first + expert]))
                    .limit(kBest)
                    .filter(answering::contains)
                    .forEach(expert -> mask[first + expert] = 0);
        }
        return mask;
    }

    /** One for rows with an expert, zero for those without. */
    private NDArray anybody(float[] mask, Shape shape) {
        int width = (int) shape.get(1);
        float[] any = new float[(int) shape.get(0)];
        for (int i = 0; i < mask.length; i++) {
            any[i / width] = mask[i] == 0 ? 1 : any[i / width];
        }
        return manager.create(any, new Shape(any.length, 1));
    }

    private NDArray expert(int expert, NDArray samples) {
        long width = samples.getShape().get(1);
        Block block = Swarm.ffn((int) width, expert).block();
        block.initialize(manager, DataType.FLOAT32, new Shape(1, width));
        return block.forward(new ParameterStore(manager, false), new NDList(samples), true)
                .singletonOrThrow();
    }
}
