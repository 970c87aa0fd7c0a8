package dev.hivemind.moe.server;

import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.server.batching.BatchLimits;
import dev.hivemind.moe.server.batching.PoolGroup;
import dev.hivemind.moe.server.batching.TaskPool;
import dev.hivemind.rsocket.frame.Operation;

/**
 * An expert with the pools in which its calls wait.
 *
 * @param schema that calls are checked against
 */
record HostedExpert(ExpertBackend backend, ExpertSchema schema, TaskPool forward, TaskPool backward) {

    static HostedExpert create(
            String uid, ExpertBackend backend, BatchLimits limits, PoolGroup pools, ExpertEvents events) {
        return new HostedExpert(
                backend,
                backend.schema(limits.maxBatchSize()),
                pools.addPool(
                        uid + "/forward",
                        limits,
                        backend::computeForward,
                        events.batches(uid, Operation.EXPERT_FORWARD)),
                pools.addPool(
                        uid + "/backward",
                        limits,
                        backend::computeBackward,
                        events.batches(uid, Operation.EXPERT_BACKWARD)));
    }
}
