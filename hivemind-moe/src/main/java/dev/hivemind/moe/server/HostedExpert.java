package dev.hivemind.moe.server;

import ai.djl.Device;
import dev.hivemind.dht.expert.ExpertStatus;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.server.batching.BatchFunction;
import dev.hivemind.moe.server.batching.BatchLimits;
import dev.hivemind.moe.server.batching.Computation;
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
                        pools.addPool(
                                uid + "/forward", limits, on(backend.device(), backend::computeForward), onForward),
                        onForward),
                new ExpertDirection(
                        schema::requireGradients,
                        pools.addPool(
                                uid + "/backward", limits, on(backend.device(), backend::computeBackward), onBackward),
                        onBackward));
    }

    /** What others are told of it; the load is what waits, as a part of the largest batch. */
    ExpertStatus status() {
        int waiting = forward.pool().queuedRows() + backward.pool().queuedRows();
        return new ExpertStatus(
                ExpertStatus.State.ONLINE,
                (float) waiting / schema.maxBatchSize(),
                schema.trainable(),
                ExpertSchemaCodec.hash(schema));
    }

    /** Frames are read into memory of the CPU, and written out of it; a GPU's arrays are copied there and back. */
    private static BatchFunction on(Device device, BatchFunction function) {
        if (device.equals(Device.cpu())) {
            return function;
        }
        return tensors -> {
            Computation there = function.compute(tensors.toDevice(device, false));
            return new Computation(there.results().toDevice(Device.cpu(), false), there.commit(), there.pause());
        };
    }

    private static PoolListener listener(String uid, Operation operation, List<ExpertWatch> watches) {
        return PoolListener.all(
                watches.stream().map(watch -> watch.pool(uid, operation)).toList());
    }
}
