package dev.hivemind.moe.client;

import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToIntBiFunction;

/**
 * One of the two calls that experts answer, by what it asks of policies and schemas.
 *
 * @param operation its name on the wire
 * @param timeout how long it may take
 * @param ofReply how its reply is to be compressed
 * @param check of the tensors that it carries; gives their rows
 * @param taken the tensors that it carries
 * @param given the tensors of its answer
 */
record CallKind(
        Operation operation,
        Function<CallPolicy, Duration> timeout,
        Function<CallPolicy, Compression> ofReply,
        ToIntBiFunction<ExpertSchema, List<TensorDescriptor>> check,
        Function<ExpertSchema, List<TensorSpec>> taken,
        Function<ExpertSchema, List<TensorSpec>> given) {

    static final CallKind FORWARD = new CallKind(
            Operation.EXPERT_FORWARD,
            CallPolicy::forwardTimeout,
            CallPolicy::activations,
            ExpertSchema::requireInputs,
            ExpertSchema::inputs,
            ExpertSchema::outputs);

    static final CallKind BACKWARD = new CallKind(
            Operation.EXPERT_BACKWARD,
            CallPolicy::backwardTimeout,
            CallPolicy::gradients,
            ExpertSchema::requireGradients,
            ExpertSchema::inputsAndGradients,
            ExpertSchema::inputs);

    Duration timeout(CallPolicy policy) {
        return timeout.apply(policy);
    }

    Compression ofReply(CallPolicy policy) {
        return ofReply.apply(policy);
    }

    /** @throws dev.hivemind.rsocket.error.SchemaMismatchException if the expert does not take these tensors */
    int requireRows(ExpertSchema schema, List<TensorDescriptor> received) {
        return check.applyAsInt(schema, received);
    }

    List<TensorSpec> takes(ExpertSchema schema) {
        return taken.apply(schema);
    }

    /** The tensors of the answer to a call of so many rows. */
    List<TensorDescriptor> answer(ExpertSchema schema, int rows) {
        List<TensorSpec> specs = given.apply(schema);
        List<TensorDescriptor> answer = new ArrayList<>(specs.size());
        for (TensorSpec tensor : specs) {
            answer.add(tensor.withRows(rows));
        }
        return answer;
    }
}
