package dev.hivemind.moe.client;

import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** The tensors of a backward call: the inputs, and behind them the gradients of the outputs. */
final class InputsAndGradients {

    private InputsAndGradients() {}

    /** All frames, owned by the caller; none if one of the two fails. */
    static List<TensorFrame> encode(Supplier<List<TensorFrame>> inputs, Supplier<List<TensorFrame>> gradients) {
        var frames = new ArrayList<>(inputs.get());
        try {
            frames.addAll(gradients.get());
            return frames;
        } catch (RuntimeException e) {
            frames.forEach(TensorFrame::release);
            throw e;
        }
    }
}
