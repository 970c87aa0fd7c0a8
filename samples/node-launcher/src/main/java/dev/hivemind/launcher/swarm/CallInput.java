package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A tensor of float32 for a call.
 *
 * @param elements little-endian, as many as the descriptor says
 */
record CallInput(TensorDescriptor descriptor, ByteBuffer elements) {

    private static final long SEED = 1;

    /** Normally distributed numbers for all inputs of an expert, the same each time. */
    static List<CallInput> random(ExpertSchema schema, int rows) {
        if (rows > schema.maxBatchSize()) {
            throw new LauncherException(
                    "The expert takes at most %d rows: choose fewer --rows".formatted(schema.maxBatchSize()));
        }
        var random = new Random(SEED);
        List<CallInput> inputs = new ArrayList<>();
        for (TensorSpec tensor : schema.inputs()) {
            ByteBuffer elements = room(requireFloat(tensor).withRows(rows));
            while (elements.hasRemaining()) {
                elements.putFloat((float) random.nextGaussian());
            }
            inputs.add(new CallInput(tensor.withRows(rows), elements.flip()));
        }
        return inputs;
    }

    /** An array from a file, for an expert with a single input. */
    static List<CallInput> file(ExpertSchema schema, String file) {
        if (schema.inputs().size() != 1) {
            throw new LauncherException("The expert has %d inputs, and a file holds one: use --input random"
                    .formatted(schema.inputs().size()));
        }
        NpyFile array = NpyFile.read(Path.of(file));
        var descriptor = new TensorDescriptor(ElementType.FLOAT32, array.shape());
        schema.requireInputs(List.of(descriptor));
        return List.of(new CallInput(descriptor, array.elements()));
    }

    /** Ones for all outputs of an expert. */
    static List<CallInput> ones(ExpertSchema schema, int rows) {
        List<CallInput> gradients = new ArrayList<>();
        for (TensorSpec tensor : schema.outputs()) {
            ByteBuffer elements = room(requireFloat(tensor).withRows(rows));
            while (elements.hasRemaining()) {
                elements.putFloat(1);
            }
            gradients.add(new CallInput(tensor.withRows(rows), elements.flip()));
        }
        return gradients;
    }

    int rows() {
        return Math.toIntExact(descriptor.shape().get(0));
    }

    private static TensorSpec requireFloat(TensorSpec tensor) {
        if (tensor.elementType() != ElementType.FLOAT32) {
            throw new LauncherException(
                    "'%s' is not float32, which is all that this command can make".formatted(tensor));
        }
        return tensor;
    }

    private static ByteBuffer room(TensorDescriptor descriptor) {
        return ByteBuffer.allocate(descriptor.sizeBytes()).order(ByteOrder.LITTLE_ENDIAN);
    }
}
