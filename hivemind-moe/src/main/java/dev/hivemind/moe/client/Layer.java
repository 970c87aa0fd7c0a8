package dev.hivemind.moe.client;

import ai.djl.ndarray.NDList;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Mono;

/**
 * A part of a model in a reactive pipeline: local computation, a remote expert, or several of them one after the other.
 * Stateless unless its parts are; what a step needs for its way back is on the {@link ReactiveTape}.
 */
@FunctionalInterface
public interface Layer {

    /**
     * The outputs for some inputs, recorded on the tape.
     *
     * @param inputs borrowed until the step ends
     * @return arrays of the tape, on the client's tensor thread
     */
    Mono<NDList> forward(ReactiveTape tape, NDList inputs);

    /**
     * Local computation.
     *
     * @param function runs on the client's tensor thread, in grad mode; results of other managers than that of its
     *     inputs, such as those of operations whose first operand is a parameter, are its own care
     */
    static Layer local(UnaryOperator<NDList> function) {
        return (tape, inputs) -> tape.local(() -> function.apply(inputs));
    }

    /**
     * A DJL block, in training. Its parameters are used by the client's tensor thread while a step is under way.
     *
     * @param block initialized
     * @param parameters where it finds them
     */
    static Layer local(Block block, ParameterStore parameters) {
        return local(inputs -> block.forward(parameters, inputs, true));
    }

    /** An expert of another peer. */
    static Layer remote(RemoteExpert expert) {
        return (tape, inputs) -> tape.forward(expert, inputs);
    }

    /** This layer, and then another on its outputs. */
    default Layer then(Layer next) {
        return (tape, inputs) -> forward(tape, inputs).flatMap(outputs -> next.forward(tape, outputs));
    }
}
