package dev.hivemind.rsocket;

import com.google.protobuf.ByteString;
import dev.hivemind.rsocket.HelloProof.Role;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.UnauthorizedException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.proto.HelloProofMessage;
import dev.hivemind.rsocket.proto.HelloReplyMessage;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;

/**
 * The listening side of a connection's set-up: answers the dialler's HELLO with a proof, then checks the dialler's. No
 * other call is served before that.
 */
final class ListenerHandshake {

    private final PeerIdentity identity;
    private final Hello own;
    private final Hello dialler;
    private final Link link;
    private final NodeCalls calls;
    private final Consumer<PeerConnection> onProven;
    private final AtomicBoolean greeted = new AtomicBoolean();
    private volatile long greetedNanoTime = System.nanoTime();
    private final AtomicBoolean proofReceived = new AtomicBoolean();
    private final Sinks.One<PeerConnection> proven = Sinks.one();

    /** {@code onProven} hears of the connection before any call on it is served. */
    ListenerHandshake(
            PeerIdentity identity,
            List<PeerAddress> listenAddresses,
            Hello dialler,
            Link link,
            NodeCalls calls,
            Consumer<PeerConnection> onProven) {
        this.identity = identity;
        this.own = Hello.of(identity, listenAddresses);
        this.dialler = dialler;
        this.link = link;
        this.calls = calls;
        this.onProven = onProven;
    }

    /** The connection, once the dialler has proven itself. */
    Mono<PeerConnection> proven() {
        return proven.asMono();
    }

    /** Whether the proof has arrived. Frames keep their order, so that a call before it is not honest. */
    boolean isProofReceived() {
        return proofReceived.get();
    }

    /** Answers the HELLO request; a second one closes the connection. */
    Mono<Reply> greet() {
        return greeted.compareAndSet(false, true) ? sign() : repeated();
    }

    private Mono<Reply> sign() {
        return Mono.fromSupplier(() -> HelloReplyMessage.newBuilder()
                        .setHello(own.toMessage())
                        .setSignature(ByteString.copyFrom(HelloProof.sign(identity, Role.LISTENER, own, dialler)))
                        .build())
                .subscribeOn(Schedulers.parallel())
                .map(Reply::ofMessage)
                .doOnNext(reply -> greetedNanoTime = System.nanoTime());
    }

    /** Checks the dialler's proof; a wrong one and a second one close the connection. */
    Mono<PeerConnection> check(HelloProofMessage proof) {
        link.roundTrip().answered(greetedNanoTime);
        return proofReceived.compareAndSet(false, true) ? verify(proof) : repeated();
    }

    /** Closes the connection. */
    void abandon() {
        link.rsocket().dispose();
    }

    private <T> Mono<T> repeated() {
        link.rsocket().dispose();
        return Mono.error(new ProtocolViolationException("HELLO and its proof come once per connection"));
    }

    private Mono<PeerConnection> verify(HelloProofMessage proof) {
        return Mono.fromSupplier(
                        () -> HelloProof.verify(proof.getSignature().toByteArray(), Role.DIALLER, dialler, own))
                .subscribeOn(Schedulers.parallel())
                .flatMap(valid -> valid ? accept() : refuse());
    }

    private Mono<PeerConnection> accept() {
        var connection = new PeerConnection(dialler, link, calls);
        onProven.accept(connection);
        proven.tryEmitValue(connection);
        return Mono.just(connection);
    }

    private Mono<PeerConnection> refuse() {
        var error = new UnauthorizedException("The peer did not prove the identity that it claims");
        proven.tryEmitError(error);
        link.rsocket().dispose();
        return Mono.error(error);
    }
}
