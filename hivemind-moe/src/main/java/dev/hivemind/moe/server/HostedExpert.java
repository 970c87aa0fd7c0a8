package dev.hivemind.moe.server;

import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.server.batching.BatchLimits;
import dev.hivemind.moe.server.batching.PoolGroup;
import dev.hivemind.moe.server.batching.PoolListener;
import dev.hivemind.rsocket.frame.Operation;
import java.util.List;

/**
 * An expert with the pools in which its calls wait.
 *
 * @param schema that calls are checked against
 */
record HostedExpert(ExpertBackend backend, ExpertSchema schema, ExpertDirection forward, ExpertDirection backward) {

    static HostedExpert create(
            String uid, ExpertBackend backend, BatchLimits limits, PoolGroup pools, List<ExpertWatch> watches) {
        ExpertSchema schema = backend.schema(limits.maxBatchSize());
        PoolListener onForward = listener(uid, Operation.EXPERT_FORWARD, watches);
        PoolListener onBackward = listener(uid, Operation.EXPERT_BACKWARD, watches);
        return new HostedExpert(
                backend,
                schema,
                new ExpertDirection(
                        schema::requireInputs,
                        pools.addPool(uid + "/forward", limits, backend::computeForward, onForward),
                        onForward),
                new ExpertDirection(
                        schema::requireGradients,
                        pools.addPool(uid + "/backward", limits, backend::computeBackward, onBackward),
                        onBackward));
    }

    private static PoolListener listener(String uid, Operation operation, List<ExpertWatch> watches) {
        return PoolListener.all(
                watches.stream().map(watch -> watch.pool(uid, operation)).toList());
    }
}
