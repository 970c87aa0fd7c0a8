package dev.hivemind.moe.server;

import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.server.batching.BatchLimits;
import dev.hivemind.moe.server.batching.BatchingRuntime;
import dev.hivemind.moe.server.batching.TaskPool;

/**
 * An expert with the pools in which its calls wait.
 *
 * @param schema that calls are checked against
 */
record HostedExpert(ExpertBackend backend, ExpertSchema schema, TaskPool forward, TaskPool backward) {

    static HostedExpert create(String uid, ExpertBackend backend, BatchLimits limits, BatchingRuntime runtime) {
        return new HostedExpert(
                backend,
                backend.schema(limits.maxBatchSize()),
                runtime.addPool(uid + "/forward", limits, backend::forward),
                runtime.addPool(uid + "/backward", limits, backend::backward));
    }
}
