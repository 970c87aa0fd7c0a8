package dev.hivemind.moe.mixture;

import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.identity.PeerId;

/**
 * A call that came to nothing.
 *
 * @param peer the owner that was asked last, or would have been asked first
 * @param dispensable whether the answer was only not waited for, because there were enough others
 * @param nanos from the call to its failure
 */
record Failure(Group group, PeerId peer, RpcException error, boolean dispensable, long nanos) {}
