package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.UnauthorizedException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.proto.HelloProofMessage;
import io.rsocket.Payload;
import io.rsocket.RSocket;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/** Serves the calls that arrive on one connection. Every payload is released when its call ends. */
final class PeerResponder implements RSocket {

    private static final Logger LOG = LoggerFactory.getLogger(PeerResponder.class);

    private final Mono<PeerConnection> proven;
    private final @Nullable ListenerHandshake handshake;
    private final HandlerRegistry handlers;
    private final PayloadCodec codec;

    private PeerResponder(
            Mono<PeerConnection> proven,
            @Nullable ListenerHandshake handshake,
            HandlerRegistry handlers,
            PayloadCodec codec) {
        this.proven = proven;
        this.handshake = handshake;
        this.handlers = handlers;
        this.codec = codec;
    }

    /** For a connection that we dialled. */
    static PeerResponder ofDialler(DiallerHandshake handshake, HandlerRegistry handlers, PayloadCodec codec) {
        return new PeerResponder(handshake.proven(), null, handlers, codec);
    }

    /** For a connection that we accepted. */
    static PeerResponder ofListener(ListenerHandshake handshake, HandlerRegistry handlers, PayloadCodec codec) {
        return new PeerResponder(handshake.proven(), handshake, handlers, codec);
    }

    @Override
    public Mono<Payload> requestResponse(Payload payload) {
        return Mono.using(() -> payload, this::answer, Payload::release);
    }

    @Override
    public Mono<Void> fireAndForget(Payload payload) {
        return Mono.using(() -> payload, this::receiveProof, Payload::release);
    }

    private Mono<Payload> answer(Payload payload) {
        return Mono.defer(() -> {
                    Request request = codec.decodeRequest(payload);
                    return Deadlines.enforce(
                                    serve(request), request.header().deadline().remaining())
                            .map(reply -> codec.encode(request.header(), reply))
                            .doOnDiscard(Reply.class, Reply::release);
                })
                .doOnError(PeerResponder::logUnexpected)
                .onErrorMap(TimeoutException.class, ErrorCodec::fromWire)
                .onErrorMap(ErrorCodec::toWire);
    }

    private Mono<Reply> serve(Request request) {
        if (request.header().operation() != Operation.HELLO) {
            return isRefused() ? Mono.error(unproven()) : proven.flatMap(caller -> handlers.dispatch(caller, request));
        }
        return handshake != null ? handshake.greet() : Mono.error(unexpectedHello());
    }

    private boolean isRefused() {
        return handshake != null && !handshake.isProofReceived();
    }

    private Mono<Void> receiveProof(Payload payload) {
        return Mono.defer(() -> {
            Request request = codec.decodeRequest(payload);
            if (handshake == null || request.header().operation() != Operation.HELLO) {
                return Mono.error(unexpectedHello());
            }
            return handshake
                    .check(request.message(HelloProofMessage.parser(), MessageBody.MAX_HELLO_BYTES))
                    .then();
        });
    }

    private static UnauthorizedException unproven() {
        return new UnauthorizedException("Calls are served after the proof of the caller's identity");
    }

    private static ProtocolViolationException unexpectedHello() {
        return new ProtocolViolationException("HELLO belongs to the set-up of a connection, from the dialling side");
    }

    private static void logUnexpected(Throwable error) {
        if (!(error instanceof RpcException || error instanceof TimeoutException)) {
            LOG.warn("A call failed in its handler", error);
        }
    }
}
