package dev.hivemind.moe.expert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Activation;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** {@code contract(relu(expand(x * mask / (1 - dropout))))}, where {@code expand} makes rows twice as wide. */
final class DeterministicDropoutBlock extends AbstractBlock {

    private static final int EXPANSION = 2;

    private final float scale;
    private final Linear expand;
    private final Linear contract;

    DeterministicDropoutBlock(int width, double dropout, long seed) {
        int inner = EXPANSION * width;
        this.scale = (float) (1 / (1 - dropout));
        this.expand = addChildBlock("expand", Linear.builder().setUnits(inner).build());
        this.contract =
                addChildBlock("contract", Linear.builder().setUnits(width).build());
        var random = new SplittableRandom(seed);
        UniformInitializer.initializeLinear(expand, width, random);
        UniformInitializer.initializeLinear(contract, inner, random);
    }

    @Override
    protected void initializeChildBlocks(NDManager manager, DataType dataType, Shape... inputShapes) {
        expand.initialize(manager, dataType, inputShapes[0]);
        contract.initialize(manager, dataType, expand.getOutputShapes(new Shape[] {inputShapes[0]}));
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0]};
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameters, NDList inputs, boolean training, @Nullable PairList<String, Object> options) {
        NDArray x = inputs.get(0);
        // Constants of the graph, which live as long as it does.
        NDArray mask = inputs.get(1).toType(DataType.FLOAT32, true);
        NDArray kept = x.mul(mask).mul(x.getManager().create(scale));
        NDList expanded = expand.forward(parameters, new NDList(kept), training);
        return contract.forward(parameters, new NDList(Activation.relu(expanded.singletonOrThrow())), training);
    }
}
