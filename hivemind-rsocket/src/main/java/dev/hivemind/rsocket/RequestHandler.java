package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.RpcException;
import reactor.core.publisher.Mono;

/** Serves one operation for other peers. Implemented by whatever a {@link PeerNode} hosts. */
@FunctionalInterface
public interface RequestHandler {

    /**
     * Answers a call.
     *
     * <p>Thread: called on an event loop; work beyond about 100 µs belongs elsewhere. Cancellation: the returned Mono
     * is cancelled when the caller gives up, its deadline passes or its connection closes. Errors: an
     * {@link RpcException} reaches the caller as it is, anything else as a bare {@code expert-failed}.
     *
     * <p>Ownership: borrows the request, which is released when the returned Mono ends, also by cancellation; work that
     * may outlive it retains the body. The emitted reply passes to the caller of this method, and one that
     * Reactor discards on the way is released; do not add a hook for that.
     *
     * @param caller the peer that asks, whose identity is proven
     */
    Mono<Reply> handle(PeerConnection caller, Request request);
}
