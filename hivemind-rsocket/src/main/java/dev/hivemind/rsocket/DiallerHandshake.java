package dev.hivemind.rsocket;

import com.google.protobuf.ByteString;
import dev.hivemind.rsocket.HelloProof.Role;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.UnauthorizedException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.proto.HelloProofMessage;
import dev.hivemind.rsocket.proto.HelloReplyMessage;
import io.netty.buffer.Unpooled;
import io.rsocket.Payload;
import io.rsocket.util.ByteBufPayload;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;

/**
 * The dialling side of a connection's set-up: SETUP with our hello, HELLO request, check of the listener's proof, our
 * own proof as fire-and-forget. Takes one round trip; calls may follow at once, since frames keep their order.
 */
final class DiallerHandshake {

    private final PeerIdentity identity;
    private final Hello own;
    private final NodeCalls calls;
    private final Sinks.One<PeerConnection> proven = Sinks.one();

    DiallerHandshake(PeerIdentity identity, List<PeerAddress> listenAddresses, NodeCalls calls) {
        this.identity = identity;
        this.own = Hello.of(identity, listenAddresses);
        this.calls = calls;
    }

    Payload setupPayload() {
        return ByteBufPayload.create(Unpooled.EMPTY_BUFFER, MessageBody.encode(own.toMessage()));
    }

    /** The connection, once the listener has proven itself; for calls that the listener makes on this connection. */
    Mono<PeerConnection> proven() {
        return proven.asMono();
    }

    /** Completes the set-up. */
    Mono<PeerConnection> run(Link link, Duration timeout) {
        return Mono.using(
                        () -> Request.ofMessage(Operation.HELLO, "", timeout, HelloProofMessage.getDefaultInstance()),
                        request -> exchange(link, request),
                        Request::release)
                .onErrorMap(ErrorCodec::fromWire)
                .doOnNext(proven::tryEmitValue)
                .doOnError(error -> link.rsocket().dispose());
    }

    private Mono<PeerConnection> exchange(Link link, Request request) {
        long sent = System.nanoTime();
        return link.rsocket()
                .requestResponse(calls.codec().encode(request))
                .doOnNext(answer -> link.roundTrip().answered(sent))
                .map(answer -> readReply(request, answer))
                .switchIfEmpty(Mono.error(PeerConnection::noAnswer))
                .publishOn(Schedulers.parallel())
                .flatMap(reply -> answerChallenge(link, request, reply));
    }

    private HelloReplyMessage readReply(Request request, Payload answer) {
        Reply reply = calls.codec().decodeReply(request.header(), answer);
        try {
            return reply.message(HelloReplyMessage.parser(), MessageBody.MAX_HELLO_BYTES);
        } finally {
            reply.release();
        }
    }

    private Mono<PeerConnection> answerChallenge(Link link, Request request, HelloReplyMessage reply) {
        Hello listener = Hello.fromMessage(reply.getHello());
        if (!HelloProof.verify(reply.getSignature().toByteArray(), Role.LISTENER, listener, own)) {
            return Mono.error(new UnauthorizedException("The peer did not prove the identity that it claims"));
        }
        var connection = new PeerConnection(listener, link, calls);
        return Mono.using(
                () -> new Request(request.header(), MessageBody.encode(proof(listener))),
                proof -> link.rsocket()
                        .fireAndForget(calls.codec().encode(proof))
                        .thenReturn(connection),
                Request::release);
    }

    private HelloProofMessage proof(Hello listener) {
        return HelloProofMessage.newBuilder()
                .setSignature(ByteString.copyFrom(HelloProof.sign(identity, Role.DIALLER, own, listener)))
                .build();
    }
}
