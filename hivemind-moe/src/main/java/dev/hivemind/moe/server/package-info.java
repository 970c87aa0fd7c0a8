/**
 * Experts as services of a peer.
 *
 * <p>{@link dev.hivemind.moe.server.ExpertServer} hosts {@link dev.hivemind.moe.server.ExpertBackend}s: it checks calls
 * against the expert's schema on the event loop, queues them in {@link dev.hivemind.moe.server.batching}, and computes
 * them in batches on its device threads, the only ones that touch the arrays of an expert once the server has it, one at a
 * time.
 */
@NullMarked
package dev.hivemind.moe.server;

import org.jspecify.annotations.NullMarked;
