package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.Operation;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;

/** Which handler serves the subscriptions of which operation of a node. */
final class SubscriptionRegistry {

    private final Map<Operation, SubscriptionHandler> handlers = new ConcurrentHashMap<>();

    /** Registers a handler until the result is disposed. */
    Disposable register(Operation operation, SubscriptionHandler handler) {
        if (handlers.putIfAbsent(operation, handler) != null) {
            throw new IllegalStateException(operation + " has a handler already");
        }
        return () -> handlers.remove(operation, handler);
    }

    Flux<Reply> dispatch(PeerConnection caller, Request request) {
        SubscriptionHandler handler = handlers.get(request.header().operation());
        if (handler == null) {
            return Flux.error(new ProtocolViolationException(
                    "This peer has no subscriptions for " + request.header().operation()));
        }
        return handler.handle(caller, request);
    }
}
