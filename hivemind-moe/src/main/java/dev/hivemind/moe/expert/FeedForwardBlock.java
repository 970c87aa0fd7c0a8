package dev.hivemind.moe.expert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** {@code LayerNorm(x + contract(gelu(expand(x))))}, where {@code expand} makes rows several times as wide. */
final class FeedForwardBlock extends AbstractBlock {

    private static final float NORM_EPSILON = 1e-12f;

    // Constants are arrays that live as long as the graph. The engine's methods that take a plain number wrap it in an
    // array over Java memory and drop that at once, although the graph goes on pointing there: after a garbage
    // collection between forward and backward, gradients would be made of whatever lies in that memory then.
    private static final float GELU_SCALE = (float) Math.sqrt(2 / Math.PI);
    private static final float GELU_CUBIC = 0.044715f;
    private static final float HALF = 0.5f;

    private final Linear expand;
    private final Linear contract;
    private final LayerNorm norm;

    FeedForwardBlock(int width, int inner, long seed) {
        this.expand = addChildBlock("expand", Linear.builder().setUnits(inner).build());
        this.contract =
                addChildBlock("contract", Linear.builder().setUnits(width).build());
        this.norm = addChildBlock(
                "norm", LayerNorm.builder().optEpsilon(NORM_EPSILON).build());
        var random = new SplittableRandom(seed);
        UniformInitializer.initializeLinear(expand, width, random);
        UniformInitializer.initializeLinear(contract, inner, random);
    }

    @Override
    protected void initializeChildBlocks(NDManager manager, DataType dataType, Shape... inputShapes) {
        expand.initialize(manager, dataType, inputShapes);
        contract.initialize(manager, dataType, expand.getOutputShapes(inputShapes));
        norm.initialize(manager, dataType, inputShapes);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return inputShapes;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameters, NDList inputs, boolean training, @Nullable PairList<String, Object> options) {
        NDArray x = inputs.singletonOrThrow();
        NDArray expanded = expand.forward(parameters, inputs, training).singletonOrThrow();
        NDArray contracted = contract.forward(parameters, new NDList(gelu(expanded)), training)
                .singletonOrThrow();
        return norm.forward(parameters, new NDList(x.add(contracted)), training);
    }

    /** In the form with a hyperbolic tangent; the engine has the one with the error function only. */
    private static NDArray gelu(NDArray x) {
        NDManager manager = x.getManager();
        NDArray cubic = x.square().mul(x).mul(TensorOps.scalar(manager, GELU_CUBIC));
        NDArray bent = cubic.add(x).mul(TensorOps.scalar(manager, GELU_SCALE));
        return bent.tanh().add(TensorOps.scalar(manager, 1)).mul(x).mul(TensorOps.scalar(manager, HALF));
    }
}
