package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.AlreadyAppliedException;
import dev.hivemind.rsocket.error.RpcException;
import reactor.core.publisher.Mono;

/** Serves an operation that changes state. However often a caller repeats a call, it takes effect at most once. */
@FunctionalInterface
public interface ApplyOnceHandler {

    /**
     * Executes a call. Before its point of no return the call can still be given up, and is executed anew when it is
     * repeated; after it, the result is kept for whoever repeats the call, be it a reply or an error. An answer passes
     * the point by itself. Once a kept result had to make room, repeated calls fail with an
     * {@link AlreadyAppliedException}.
     *
     * <p>Thread: called on an event loop; work beyond about 100 µs belongs elsewhere. Cancellation: the returned Mono is
     * cancelled when every caller that waits has given up before the point of no return, and never after it. Errors: an
     * {@link RpcException} reaches the caller as it is, anything else as a bare {@code expert-failed}.
     *
     * <p>Ownership: borrows the request, which is valid until the returned Mono ends, also by cancellation; work that
     * may outlive it retains the body. The emitted reply passes to the caller of this method.
     *
     * @param caller the peer that asked first; its connection may close before the work ends
     * @param request the call as it came first, with the deadline of that time
     * @param point to be passed right before the first change of state
     */
    Mono<Reply> handle(PeerConnection caller, Request request, PointOfNoReturn point);
}
