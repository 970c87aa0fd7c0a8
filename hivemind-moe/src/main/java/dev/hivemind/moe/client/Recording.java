package dev.hivemind.moe.client;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What was computed elsewhere during one step, in the order in which it ended. Each remote layer ends segments of the
 * local graph, at its inputs, and begins others, at its outputs. Going back from the last layer to the first, all the
 * gradient of a layer's outputs has gathered when its turn comes, since whatever used them came later.
 *
 * <p>Not thread-safe. Arrays belong to the manager.
 *
 * @param <B> how a layer goes backward
 */
final class Recording<B> {

    private final NDManager manager;
    private final Deque<Layer<B>> layers = new ArrayDeque<>();

    Recording(NDManager manager) {
        this.manager = manager;
    }

    /**
     * Puts a layer down. To be called in grad mode.
     *
     * @param outputs arrays of the manager
     * @param backward from the gradients of the outputs to those of the inputs
     * @return the outputs as leaves of the local graph
     */
    NDList add(NDList inputs, NDList outputs, B backward) {
        List<@Nullable NDArray> places = new ArrayList<>(inputs.size());
        inputs.forEach(input -> places.add(placeInGraph(input)));
        NDList leaves = new NDList(outputs.size());
        for (NDArray output : outputs) {
            leaves.add(TensorOps.leaf(output, output.getDataType().isFloating()));
        }
        layers.addLast(new Layer<>(places, leaves, backward));
        return leaves;
    }

    private @Nullable NDArray placeInGraph(NDArray input) {
        return input.getDataType().isFloating() ? TensorOps.placeInGraph(input, manager) : null;
    }

    /** The last layer that gradients have reached, which is taken off together with those behind it; null if none. */
    @Nullable Passed<B> takeLast() {
        while (!layers.isEmpty()) {
            Layer<B> last = layers.removeLast();
            NDList gradients = last.outputGradients();
            if (gradients != null) {
                return new Passed<>(last, gradients);
            }
        }
        return null;
    }

    void clear() {
        layers.clear();
    }

    /** A layer whose turn has come. */
    record Passed<B>(Layer<B> layer, NDList outputGradients) {

        B backward() {
            return layer.backward;
        }

        /** Pushes the gradients of the inputs through the graph in front of the layer. */
        void propagate(NDList inputGradients) {
            IntStream.range(0, layer.inputs.size()).forEach(i -> {
                NDArray place = layer.inputs.get(i);
                if (place != null) {
                    TensorOps.vectorJacobianProduct(place, inputGradients.get(i), true);
                }
            });
        }
    }

    /** Inputs that are not floating point numbers have no place in any graph. */
    private record Layer<B>(List<@Nullable NDArray> inputs, NDList outputs, B backward) {

        /** Zeros for outputs that do not matter; null if none does, so that the layer has no part in the step. */
        @Nullable NDList outputGradients() {
            NDList gradients = new NDList(outputs.size());
            boolean matters = false;
            for (NDArray output : outputs) {
                NDArray gradient = output.hasGradient() ? TensorOps.gradientOf(output) : null;
                matters |= gradient != null;
                gradients.add(gradient == null ? output.zerosLike() : gradient);
            }
            return matters ? gradients : null;
        }
    }
}
