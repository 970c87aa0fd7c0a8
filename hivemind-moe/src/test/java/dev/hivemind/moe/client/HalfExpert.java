package dev.hivemind.moe.client;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.rsocket.tensor.ElementType;
import java.util.List;
import java.util.function.UnaryOperator;

/** Experts of half precision. They have no parameters, which a backend would make float32. */
final class HalfExpert extends AbstractBlock {

    private final UnaryOperator<NDList> function;

    private HalfExpert(UnaryOperator<NDList> function) {
        this.function = function;
    }

    /** Two kinds with one input and one output. */
    static ExpertDefinition single(int index, int width) {
        var spec = List.of(TensorSpec.of("x", ElementType.FLOAT16, TensorSpec.BATCH, width));
        return new ExpertDefinition(
                new HalfExpert(inputs -> {
                    NDArray x = inputs.head();
                    return new NDList(index == 0 ? x.tanh().mul(x) : x.square().tanh());
                }),
                spec,
                spec);
    }

    /** {@code tanh(a * b)}, and the sum of {@code a + b} over features. */
    static ExpertDefinition pair(int width) {
        return new ExpertDefinition(
                new HalfExpert(inputs -> new NDList(
                        inputs.get(0).mul(inputs.get(1)).tanh(),
                        inputs.get(0).add(inputs.get(1)).sum(new int[] {1}))),
                List.of(
                        TensorSpec.of("a", ElementType.FLOAT16, TensorSpec.BATCH, width),
                        TensorSpec.of("b", ElementType.FLOAT16, TensorSpec.BATCH, width)),
                List.of(
                        TensorSpec.of("product", ElementType.FLOAT16, TensorSpec.BATCH, width),
                        TensorSpec.of("total", ElementType.FLOAT16, TensorSpec.BATCH)));
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return inputShapes;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameters, NDList inputs, boolean training, PairList<String, Object> options) {
        return function.apply(inputs);
    }
}
