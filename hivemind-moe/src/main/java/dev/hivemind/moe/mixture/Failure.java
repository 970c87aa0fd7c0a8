package dev.hivemind.moe.mixture;

import dev.hivemind.rsocket.error.RpcException;

/**
 * A call that came to nothing.
 *
 * @param dispensable whether the answer was only not waited for, because there were enough others
 * @param nanos from the call to its failure
 */
record Failure(Group group, RpcException error, boolean dispensable, long nanos) {}
