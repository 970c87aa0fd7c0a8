package dev.hivemind.moe.server;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.rsocket.tensor.ElementType;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** An expert of one number a row that holds up its device until it is let go on, and then doubles what it was given. */
public final class StallingExpert extends AbstractBlock {

    private final CountDownLatch entered = new CountDownLatch(1);
    private final CountDownLatch opened = new CountDownLatch(1);

    ExpertDefinition definition() {
        return new ExpertDefinition(
                this,
                List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, 1)),
                List.of(TensorSpec.of("y", ElementType.FLOAT32, TensorSpec.BATCH, 1)));
    }

    /** Waits until the device stands. */
    void awaitStall() {
        await(entered);
    }

    /** Lets the device go on, now and ever after. */
    void release() {
        opened.countDown();
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameters, NDList inputs, boolean training, PairList<String, Object> options) {
        entered.countDown();
        await(opened);
        return new NDList(inputs.singletonOrThrow().mul(2));
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return inputShapes;
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(20, TimeUnit.SECONDS)) {
                throw new IllegalStateException("Nobody came");
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
