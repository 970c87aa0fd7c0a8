package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.tensor.TensorOps;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A remote expert as a DJL block, for a {@link ai.djl.nn.SequentialBlock} or any other. It has no parameters here: those
 * live, and are trained, where the expert is hosted.
 *
 * <p>In grad mode, {@code forward} records the call on the {@link RemoteTape} that is open on the calling thread, and
 * throws an {@link IllegalStateException} if there is none, since gradients would be lost without a word. With grad mode
 * off it calls the expert without recording; outputs belong to the manager of the first input then. Note that grad mode is
 * on in every new thread until {@link TensorOps#setGradMode} or {@link TensorOps#prepareThread} says otherwise.
 *
 * <p>Thread: that of the tape, or any that may block. Errors are those of {@link RemoteTape#forward}.
 */
public final class RemoteExpertBlock extends AbstractBlock {

    private final RemoteExpert expert;
    private final ExpertSchema schema;

    private RemoteExpertBlock(RemoteExpert expert, ExpertSchema schema) {
        this.expert = expert;
        this.schema = schema;
    }

    /** A block around the expert, once that has told its schema. Errors are those of {@link RemoteExpert#info}. */
    public static Mono<RemoteExpertBlock> create(RemoteExpert expert) {
        requireNonNull(expert, "expert");
        return expert.info().map(schema -> new RemoteExpertBlock(expert, schema));
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        long rows = inputShapes[0].get(0);
        return schema.outputs().stream().map(output -> shape(output, rows)).toArray(Shape[]::new);
    }

    /** Rows may be unknown, which shapes say by the same number as schemas do. */
    private static Shape shape(TensorSpec tensor, long rows) {
        long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
        shape[0] = rows;
        return new Shape(shape);
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameters, NDList inputs, boolean training, @Nullable PairList<String, Object> options) {
        if (!TensorOps.isGradMode()) {
            return RemoteTape.answer(expert, inputs.head().getManager(), inputs);
        }
        RemoteTape tape = RemoteTape.current();
        if (tape == null) {
            throw new IllegalStateException("Gradients would be lost: open a RemoteTape on this thread before calling "
                    + expert + ", or switch grad mode off");
        }
        return tape.forward(expert, inputs);
    }

    @Override
    public String toString() {
        return "RemoteExpertBlock[" + expert.uid() + "]";
    }
}
