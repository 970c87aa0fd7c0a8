package dev.hivemind.rsocket.transport;

import reactor.core.publisher.Mono;

/**
 * How much a connection may queue ahead of its socket. Producers of bulk wait for room before each piece, so that a small
 * frame never stands behind more than about 1 MiB, however many streams share the connection. Thread-safe.
 */
public interface SendWindow {

    /**
     * Completes when the connection has room for one more piece of bulk, in the order of subscription; at once, as a
     * scalar, when there is room already.
     *
     * <p>Thread: the subscriber's, or the connection's event loop. Errors: a {@link java.nio.channels.ClosedChannelException}
     * when the connection closes. Cancellation gives the place in the queue up.
     */
    Mono<Void> awaitRoom();

    /** Bytes that were handed over and that the socket has not taken yet. */
    long unsentBytes();
}
