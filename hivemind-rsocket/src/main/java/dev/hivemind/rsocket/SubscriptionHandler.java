package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.RpcException;
import reactor.core.publisher.Flux;

/** Serves one operation as a subscription: many replies to one request, for as long as the caller listens. */
@FunctionalInterface
public interface SubscriptionHandler {

    /**
     * Answers a subscription.
     *
     * <p>Thread: called on an event loop. Demand: the peer's, while the connection has room; a source that does not wait
     * for it has to drop or sample. Cancellation: the returned Flux is cancelled when the caller leaves, its deadline
     * passes or its connection closes. Errors: an {@link RpcException} reaches the caller as it is, anything else as a
     * bare {@code expert-failed}.
     *
     * <p>Ownership: borrows the request, which is released when the returned Flux ends, also by cancellation. The
     * emitted replies pass to the caller of this method.
     *
     * @param caller the peer that asks, whose identity is proven
     */
    Flux<Reply> handle(PeerConnection caller, Request request);
}
