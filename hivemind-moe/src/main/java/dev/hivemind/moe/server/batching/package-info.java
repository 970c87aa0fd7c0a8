/**
 * From many small calls to few large batches on a device.
 *
 * <p>Calls come in by {@link dev.hivemind.moe.server.batching.TaskPool}s, one per expert and direction, and wait as
 * {@link dev.hivemind.moe.server.batching.Task}s in {@link dev.hivemind.moe.server.batching.WaitingTasks}, bounded in
 * rows and bytes and shared fairly among callers. Whenever a device asks,
 * {@link dev.hivemind.moe.server.batching.BatchesOnDemand} forms a {@link dev.hivemind.moe.server.batching.Batch} of what
 * waits in the pool whose oldest task has waited longest; {@link dev.hivemind.moe.server.batching.BatchingRuntime} is the
 * flow from there to results. Tasks that nobody waits for any more are never computed.
 */
@NullMarked
package dev.hivemind.moe.server.batching;

import org.jspecify.annotations.NullMarked;
