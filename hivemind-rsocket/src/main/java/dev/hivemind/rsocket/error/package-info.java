/**
 * What can go wrong with a call, as one sealed tree.
 *
 * <p>Whether a retry can help is a type: {@link dev.hivemind.rsocket.error.RpcTransientException} or
 * {@link dev.hivemind.rsocket.error.RpcNonTransientException}. {@link dev.hivemind.rsocket.error.ErrorCodec} is the one
 * place that maps exceptions to the wire and back; messages of other exceptions never leave the process.
 */
@NullMarked
package dev.hivemind.rsocket.error;

import org.jspecify.annotations.NullMarked;
