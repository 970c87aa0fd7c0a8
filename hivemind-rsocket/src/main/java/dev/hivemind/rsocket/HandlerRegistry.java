package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.Operation;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/** Which handler serves which operation of a node. */
final class HandlerRegistry {

    private final Map<Operation, RequestHandler> handlers = new ConcurrentHashMap<>();
    private final ResultCache results;
    private final CallMeters meters;

    HandlerRegistry(ResultCache results, CallMeters meters) {
        this.results = results;
        this.meters = meters;
    }

    CallMeters meters() {
        return meters;
    }

    /** Registers a handler until the result is disposed. */
    Disposable register(Operation operation, RequestHandler handler) {
        if (operation == Operation.HELLO || operation == Operation.CANCEL) {
            throw new IllegalArgumentException(operation + " is served by the node itself");
        }
        if (handlers.putIfAbsent(operation, handler) != null) {
            throw new IllegalStateException(operation + " has a handler already");
        }
        return () -> handlers.remove(operation, handler);
    }

    /** Registers a handler for an operation that changes state. */
    Disposable registerOnce(Operation operation, ApplyOnceHandler handler) {
        return register(operation, (caller, request) -> {
            var call = new CallKey(caller.peerId(), request.header().callId());
            return results.call(call, request, point -> handler.handle(caller, request, point));
        });
    }

    Mono<Reply> dispatch(PeerConnection caller, Request request) {
        RequestHandler handler = handlers.get(request.header().operation());
        if (handler == null) {
            return Mono.error(new ProtocolViolationException(
                    "This peer does not serve " + request.header().operation()));
        }
        return meters.server(request, handler.handle(caller, request));
    }
}
