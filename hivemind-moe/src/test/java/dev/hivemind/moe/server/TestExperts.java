package dev.hivemind.moe.server;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.util.PairList;
import dev.hivemind.moe.expert.DelayedNopExpert;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.expert.FeedForwardExpert;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.rsocket.tensor.ElementType;
import java.time.Duration;
import java.util.List;

/** Experts for tests. */
final class TestExperts {

    private TestExperts() {}

    static ExpertDefinition ffn(int width) {
        return new FeedForwardExpert().create(new ExpertOptions(width, 42));
    }

    static ExpertDefinition named(String name, int width) {
        return ExpertFactories.named(name).create(new ExpertOptions(width, 42));
    }

    static ExpertDefinition slow(int width, Duration delay) {
        return new DelayedNopExpert().create(new ExpertOptions(width, 42).with(DelayedNopExpert.DELAY, delay));
    }

    /** Two inputs, of which one is of integers, and two outputs that share a parameter: {@code a*w} and {@code a*w*b}. */
    static ExpertDefinition twoByTwo() {
        return new ExpertDefinition(
                new TwoByTwo(),
                List.of(
                        TensorSpec.of("a", ElementType.FLOAT64, TensorSpec.BATCH, 2),
                        TensorSpec.of("b", ElementType.INT64, TensorSpec.BATCH, 2)),
                List.of(
                        TensorSpec.of("aw", ElementType.FLOAT64, TensorSpec.BATCH, 2),
                        TensorSpec.of("awb", ElementType.FLOAT64, TensorSpec.BATCH, 2)));
    }

    /** {@code x*w} of a weight that the block has by two names. */
    static ExpertDefinition scaleByTwoNames() {
        return onPairs(new Scale("again", false));
    }

    /** {@code x*w} of a weight that the block uses without asking the store that it is given. */
    static ExpertDefinition scaleWithoutStore() {
        return onPairs(new Scale("weight", true));
    }

    /** {@code x+v+w}, where the gradients of all three can lie in the same memory. */
    static ExpertDefinition sumOfViews() {
        return onPairs(new SumOfViews());
    }

    private static ExpertDefinition onPairs(AbstractBlock block) {
        return new ExpertDefinition(
                block,
                List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, 2)),
                List.of(TensorSpec.of("y", ElementType.FLOAT32, TensorSpec.BATCH, 2)));
    }

    private static final class Scale extends AbstractBlock {

        private final boolean withoutStore;
        private final Parameter weight = addParameter(Parameter.builder()
                .setName("weight")
                .setType(Parameter.Type.WEIGHT)
                .optInitializer(Initializer.ONES)
                .build());

        Scale(String name, boolean withoutStore) {
            this.withoutStore = withoutStore;
            parameters.put(name, weight);
        }

        @Override
        protected void prepare(Shape[] inputShapes) {
            weight.setShape(new Shape(2));
        }

        @Override
        public Shape[] getOutputShapes(Shape[] inputShapes) {
            return inputShapes;
        }

        @Override
        protected NDList forwardInternal(
                ParameterStore store, NDList inputs, boolean training, PairList<String, Object> options) {
            NDArray x = inputs.singletonOrThrow();
            return new NDList(
                    x.mul(withoutStore ? weight.getArray() : store.getValue(weight, x.getDevice(), training)));
        }
    }

    private static final class SumOfViews extends AbstractBlock {

        private final Parameter v = addParameter(weight("v"));
        private final Parameter w = addParameter(weight("w"));

        private static Parameter weight(String name) {
            return Parameter.builder()
                    .setName(name)
                    .setType(Parameter.Type.WEIGHT)
                    .optInitializer(Initializer.ONES)
                    .build();
        }

        @Override
        protected void prepare(Shape[] inputShapes) {
            v.setShape(new Shape(2));
            w.setShape(new Shape(2));
        }

        @Override
        public Shape[] getOutputShapes(Shape[] inputShapes) {
            return inputShapes;
        }

        @Override
        protected NDList forwardInternal(
                ParameterStore store, NDList inputs, boolean training, PairList<String, Object> options) {
            NDArray x = inputs.singletonOrThrow();
            NDArray row = store.getValue(v, x.getDevice(), training).reshape(1, 2);
            NDArray other = store.getValue(w, x.getDevice(), training).reshape(1, 2);
            return new NDList(x.add(row.add(other)));
        }
    }

    private static final class TwoByTwo extends AbstractBlock {

        private final Parameter weight = addParameter(Parameter.builder()
                .setName("weight")
                .setType(Parameter.Type.WEIGHT)
                .optInitializer(Initializer.ONES)
                .build());

        @Override
        protected void prepare(Shape[] inputShapes) {
            weight.setShape(new Shape(2));
        }

        @Override
        public Shape[] getOutputShapes(Shape[] inputShapes) {
            return inputShapes;
        }

        @Override
        protected NDList forwardInternal(
                ParameterStore parameters, NDList inputs, boolean training, PairList<String, Object> options) {
            NDArray a = inputs.get(0);
            NDArray product = a.mul(parameters.getValue(weight, a.getDevice(), training));
            return new NDList(product, product.mul(inputs.get(1)));
        }
    }
}
