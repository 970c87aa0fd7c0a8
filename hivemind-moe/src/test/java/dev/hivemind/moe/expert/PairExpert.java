package dev.hivemind.moe.expert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.util.PairList;
import dev.hivemind.rsocket.tensor.ElementType;
import java.util.List;

/** {@code pair}: two inputs and two outputs of different shapes, {@code a * w + b} and the sum of that over features. */
public final class PairExpert implements ExpertFactory {

    @Override
    public String name() {
        return "pair";
    }

    @Override
    public String description() {
        return "two inputs and two outputs";
    }

    @Override
    public List<ExpertOption<?>> options() {
        return List.of(ExpertOption.HIDDEN_DIM);
    }

    @Override
    public ExpertDefinition create(ExpertOptions options) {
        int width = options.get(ExpertOption.HIDDEN_DIM);
        return new ExpertDefinition(
                new PairBlock(width),
                List.of(
                        TensorSpec.of("a", ElementType.FLOAT32, TensorSpec.BATCH, width),
                        TensorSpec.of("b", ElementType.FLOAT32, TensorSpec.BATCH, width)),
                List.of(
                        TensorSpec.of("scaled", ElementType.FLOAT32, TensorSpec.BATCH, width),
                        TensorSpec.of("total", ElementType.FLOAT32, TensorSpec.BATCH)));
    }

    private static final class PairBlock extends AbstractBlock {

        private final int width;
        private final Parameter weight = addParameter(Parameter.builder()
                .setName("weight")
                .setType(Parameter.Type.WEIGHT)
                .optInitializer(Initializer.ONES)
                .build());

        PairBlock(int width) {
            this.width = width;
        }

        @Override
        protected void prepare(Shape[] inputShapes) {
            weight.setShape(new Shape(width));
        }

        @Override
        public Shape[] getOutputShapes(Shape[] inputShapes) {
            return inputShapes;
        }

        @Override
        protected NDList forwardInternal(
                ParameterStore parameters, NDList inputs, boolean training, PairList<String, Object> options) {
            NDArray a = inputs.get(0);
            NDArray scaled =
                    a.mul(parameters.getValue(weight, a.getDevice(), training)).add(inputs.get(1));
            return new NDList(scaled, scaled.sum(new int[] {1}));
        }
    }
}
