package dev.hivemind.moe.client;

import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The two calls that experts answer. */
enum CallKind {
    FORWARD(Operation.EXPERT_FORWARD) {
        @Override
        Duration timeout(CallPolicy policy) {
            return policy.forwardTimeout();
        }

        @Override
        Compression ofReply(CallPolicy policy) {
            return policy.activations();
        }

        @Override
        int requireRows(ExpertSchema schema, List<TensorDescriptor> given) {
            return schema.requireInputs(given);
        }

        @Override
        List<TensorSpec> takes(ExpertSchema schema) {
            return schema.inputs();
        }

        @Override
        List<TensorSpec> gives(ExpertSchema schema) {
            return schema.outputs();
        }
    },
    BACKWARD(Operation.EXPERT_BACKWARD) {
        @Override
        Duration timeout(CallPolicy policy) {
            return policy.backwardTimeout();
        }

        @Override
        Compression ofReply(CallPolicy policy) {
            return policy.gradients();
        }

        @Override
        int requireRows(ExpertSchema schema, List<TensorDescriptor> given) {
            return schema.requireGradients(given);
        }

        @Override
        List<TensorSpec> takes(ExpertSchema schema) {
            return schema.inputsAndGradients();
        }

        @Override
        List<TensorSpec> gives(ExpertSchema schema) {
            return schema.inputs();
        }
    };

    private final Operation operation;

    CallKind(Operation operation) {
        this.operation = operation;
    }

    Operation operation() {
        return operation;
    }

    abstract Duration timeout(CallPolicy policy);

    abstract Compression ofReply(CallPolicy policy);

    /** @throws dev.hivemind.rsocket.error.SchemaMismatchException if the expert does not take these tensors */
    abstract int requireRows(ExpertSchema schema, List<TensorDescriptor> given);

    abstract List<TensorSpec> takes(ExpertSchema schema);

    abstract List<TensorSpec> gives(ExpertSchema schema);

    /** The tensors of the answer to a call of so many rows. */
    List<TensorDescriptor> answer(ExpertSchema schema, int rows) {
        List<TensorSpec> tensors = gives(schema);
        List<TensorDescriptor> answer = new ArrayList<>(tensors.size());
        for (TensorSpec tensor : tensors) {
            answer.add(tensor.withRows(rows));
        }
        return answer;
    }
}
