package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.TapeFixture.LEARNING_RATE;
import static dev.hivemind.moe.client.TapeFixture.WIDTH;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;

/** The same expert in the local graph, with the steps that its optimizer ought to take. */
final class LocalExpert implements UnaryOperator<NDArray> {

    private final Block block;
    private final ParameterStore store;

    LocalExpert(NDManager manager, int index) {
        store = new ParameterStore(manager, false);
        block = Swarm.ffn(WIDTH, index).block();
        block.initialize(manager, DataType.FLOAT32, new Shape(1, WIDTH));
        block.getParameters().forEach(entry -> entry.getValue().getArray().setRequiresGradient(true));
    }

    @Override
    public NDArray apply(NDArray input) {
        return block.forward(store, new NDList(input), true).singletonOrThrow();
    }

    float[] afterSgd(String name) {
        return stepped(name, gradient -> gradient);
    }

    /** The first step of Adam moves by {@code g / (|g| + ε)}: both corrected moments are exact. */
    float[] afterAdam(String name) {
        return stepped(name, gradient -> gradient / (Math.abs(gradient) + 1e-8));
    }

    private float[] stepped(String name, DoubleUnaryOperator direction) {
        float[] values = parameter(name).toFloatArray();
        float[] gradients = parameter(name).getGradient().toFloatArray();
        for (int i = 0; i < values.length; i++) {
            values[i] -= (float) (LEARNING_RATE * direction.applyAsDouble(gradients[i]));
        }
        return values;
    }

    float[] adamMoment(String parameterAndKind) {
        int slash = parameterAndKind.lastIndexOf('/');
        boolean mean = parameterAndKind.substring(slash + 1).equals("mean");
        float[] gradients =
                parameter(parameterAndKind.substring(0, slash)).getGradient().toFloatArray();
        for (int i = 0; i < gradients.length; i++) {
            gradients[i] = mean ? 0.1f * gradients[i] : 0.001f * gradients[i] * gradients[i];
        }
        return gradients;
    }

    private NDArray parameter(String name) {
        return block.getParameters().get(name).getArray();
    }
}
