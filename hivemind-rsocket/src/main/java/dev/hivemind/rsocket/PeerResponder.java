package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.UnauthorizedException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.proto.HelloProofMessage;
import dev.hivemind.rsocket.transport.SendWindow;
import io.rsocket.Payload;
import io.rsocket.RSocket;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * What arrives on one connection: its set-up, and calls once the peer has proven itself. Every payload is released when
 * its call ends.
 */
final class PeerResponder implements RSocket {

    private final Mono<PeerConnection> proven;
    private final @Nullable ListenerHandshake handshake;
    private final PayloadCodec codec;
    private final CallService service;

    private PeerResponder(
            Mono<PeerConnection> proven, @Nullable ListenerHandshake handshake, CallService service, NodeCalls calls) {
        this.proven = proven;
        this.handshake = handshake;
        this.codec = calls.codec();
        this.service = service;
    }

    /** For a connection that we dialled. */
    static RSocket ofDialler(DiallerHandshake handshake, SendWindow window, LinkActivity activity, NodeCalls calls) {
        var service = new CallService(calls, window, activity);
        return activity.countServed(new PeerResponder(handshake.proven(), null, service, calls));
    }

    /** For a connection that we accepted. */
    static RSocket ofListener(ListenerHandshake handshake, Link link, NodeCalls calls) {
        var service = new CallService(calls, link.window(), link.activity());
        return link.activity().countServed(new PeerResponder(handshake.proven(), handshake, service, calls));
    }

    @Override
    public Mono<Payload> requestResponse(Payload payload) {
        return Mono.using(() -> payload, this::answer, Payload::release)
                .doOnError(CallService::logUnexpected)
                .onErrorMap(TimeoutException.class, ErrorCodec::fromWire)
                .onErrorMap(ErrorCodec::toWire);
    }

    @Override
    public Mono<Void> fireAndForget(Payload payload) {
        return Mono.using(() -> payload, this::receive, Payload::release).doOnError(error -> closeUnproven());
    }

    /** RSocket itself refuses the channel of a peer that sends what was not asked for, and tells us of it. */
    @Override
    public Flux<Payload> requestChannel(Publisher<Payload> payloads) {
        Flux<Payload> answers = isRefused()
                ? Flux.error(unproven())
                : proven.flatMapMany(caller -> service.answerAll(caller, payloads));
        return answers.onErrorResume(Exceptions::isOverflow, refused -> Flux.empty())
                .doOnError(CallService::logUnexpected)
                .onErrorMap(ErrorCodec::toWire);
    }

    @Override
    public Flux<Payload> requestStream(Payload payload) {
        return Flux.using(() -> payload, this::publish, Payload::release)
                .doOnError(CallService::logUnexpected)
                .onErrorMap(ErrorCodec::toWire);
    }

    private Flux<Payload> publish(Payload payload) {
        Request request = codec.decodeRequest(payload);
        return isRefused() ? Flux.error(unproven()) : proven.flatMapMany(caller -> service.publish(caller, request));
    }

    private Mono<Payload> answer(Payload payload) {
        Request request = codec.decodeRequest(payload);
        if (request.header().operation() == Operation.HELLO) {
            return greet(request);
        }
        return isRefused() ? Mono.error(unproven()) : service.answer(proven, request);
    }

    private Mono<Payload> greet(Request request) {
        return handshake == null
                ? Mono.error(unexpectedHello())
                : handshake.greet().map(reply -> codec.encode(request.header(), reply));
    }

    private boolean isRefused() {
        return handshake != null && !handshake.isProofReceived();
    }

    /** What comes in place of the proof would lift the bound on a stranger's frames. */
    private void closeUnproven() {
        if (handshake != null && isRefused()) {
            handshake.abandon();
        }
    }

    private Mono<Void> receive(Payload payload) {
        return Mono.defer(() -> {
            Request request = codec.decodeRequest(payload);
            if (request.header().operation() == Operation.CANCEL && !isRefused()) {
                service.giveUp(request.header().callId());
                return Mono.empty();
            }
            return receiveProof(request);
        });
    }

    private Mono<Void> receiveProof(Request request) {
        return Mono.defer(() -> {
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
}
