package dev.hivemind.dht.rpc;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Carries the DHT's messages over the connections of a {@link PeerNode}, dialling where there is none. Thread-safe. */
public final class RSocketDhtTransport implements DhtTransport {

    /** The largest reply that any request allows. */
    private static final int MAX_REPLY_BYTES = FindRequest.MAX_TARGETS * EncodedDhtRpc.MAX_REPLY_BYTES;

    private final PeerNode peer;

    /** A transport in the name of a peer, who stays the caller's. */
    public RSocketDhtTransport(PeerNode peer) {
        this.peer = requireNonNull(peer, "peer");
    }

    @Override
    public PeerIdentity identity() {
        return peer.identity();
    }

    @Override
    public List<PeerAddress> addresses() {
        return peer.addresses();
    }

    @Override
    public Mono<Contact> meet(PeerAddress address) {
        return peer.connect(address).flatMap(connection -> other(connection, address));
    }

    private Mono<Contact> other(PeerConnection connection, PeerAddress dialled) {
        if (connection.peerId().equals(peer.id())) {
            connection.dispose();
            return Mono.error(new PeerUnavailableException("This very peer listens at " + dialled));
        }
        return Mono.just(reachable(connection, dialled));
    }

    /** What the peer announces comes first: others hear of it too, and to them 127.0.0.1 means somebody else. */
    private static Contact reachable(PeerConnection connection, PeerAddress dialled) {
        return Contact.of(
                connection.peerId(),
                Stream.concat(connection.listenAddresses().stream(), Stream.of(dialled))
                        .distinct()
                        .toList());
    }

    @Override
    public Mono<Answer<ByteString>> exchange(Contact to, Operation operation, MessageLite request, Duration timeout) {
        return Mono.defer(() -> peer.connect(to.peerId(), to.addresses()))
                .flatMap(connection -> Mono.using(
                                () -> Request.ofMessage(operation, "", timeout, request),
                                connection::request,
                                Request::release)
                        .map(reply -> new Answer<>(contact(connection), take(reply))));
    }

    @Override
    public Flux<ByteString> subscribe(Contact to, Operation operation, MessageLite request) {
        return Mono.defer(() -> peer.connect(to.peerId(), to.addresses()))
                .flatMapMany(connection -> Flux.using(
                        () -> Request.ofSubscription(operation, "", request),
                        asked -> connection.subscribe(asked).map(RSocketDhtTransport::take),
                        Request::release));
    }

    @Override
    public Disposable serveSubscriptions(Operation operation, Feed feed) {
        return peer.handleSubscription(
                operation,
                (caller, request) -> feed.answer(
                                contact(caller), copy(request.body(), DhtRequestHandler.MAX_REQUEST_BYTES))
                        .map(Reply::ofMessage));
    }

    private static ByteString take(Reply reply) {
        try {
            return copy(reply.body(), MAX_REPLY_BYTES);
        } finally {
            reply.release();
        }
    }

    private static ByteString copy(ByteBuf body, int maxBytes) {
        if (body.readableBytes() > maxBytes) {
            throw new ProtocolViolationException(
                    "A DHT message has %d bytes, and at most %d allowed".formatted(body.readableBytes(), maxBytes));
        }
        return ByteString.copyFrom(body.nioBuffer());
    }

    private static Contact contact(PeerConnection connection) {
        return Contact.of(connection.peerId(), connection.listenAddresses());
    }

    @Override
    public Disposable serve(Operation operation, Service service) {
        return peer.handle(
                operation,
                (caller, request) -> service.answer(
                                contact(caller), copy(request.body(), DhtRequestHandler.MAX_REQUEST_BYTES))
                        .map(Reply::ofMessage));
    }
}
