/**
 * From many small calls to few large batches on a device.
 *
 * <p>Calls wait as {@link dev.hivemind.moe.server.batching.Task}s in bounded
 * {@link dev.hivemind.moe.server.batching.TaskPool}s, one per expert and direction. Whenever the device is free,
 * {@link dev.hivemind.moe.server.batching.BatchingRuntime} takes the pool whose oldest task has waited longest and forms
 * a {@link dev.hivemind.moe.server.batching.Batch} of what waits there then. Tasks that nobody waits for any more are
 * never computed.
 */
@NullMarked
package dev.hivemind.moe.server.batching;

import org.jspecify.annotations.NullMarked;
