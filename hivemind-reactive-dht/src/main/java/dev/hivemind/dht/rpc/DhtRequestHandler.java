package dev.hivemind.dht.rpc;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.MessageLite;
import dev.hivemind.dht.proto.FindRequestMessage;
import dev.hivemind.dht.proto.PingRequestMessage;
import dev.hivemind.dht.proto.StoreRequestMessage;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.Operation;
import java.util.function.Supplier;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/**
 * Serves a {@link DhtHandler} to the peers of a {@link PeerNode}: reads and checks what they send, and refuses what is
 * malformed with a {@link ProtocolViolationException} and what is too much with an {@link OverloadedException}.
 * Thread-safe.
 */
public final class DhtRequestHandler {

    /** How many calls may wait for the handler at once. */
    private static final int MAX_PENDING = 1_024;

    /** How many calls of one caller may wait for the handler at once. */
    private static final int MAX_PENDING_PER_CALLER = 64;

    /** A store of 64 records, each as large as may be, takes a little more than half of it. */
    private static final int MAX_REQUEST_BYTES = 2 << 20;

    private final DhtHandler handler;
    private final PendingCalls pending = new PendingCalls(MAX_PENDING, MAX_PENDING_PER_CALLER);

    /** Serves this handler. */
    public DhtRequestHandler(DhtHandler handler) {
        this.handler = requireNonNull(handler, "handler");
    }

    /**
     * Serves the DHT's operations until the result is disposed.
     *
     * @throws IllegalStateException if the peer serves them already
     */
    public Disposable register(PeerNode peer) {
        return Disposables.composite(
                peer.handle(Operation.DHT_PING, this::ping),
                peer.handle(Operation.DHT_FIND, this::find),
                peer.handle(Operation.DHT_STORE, this::store));
    }

    private Mono<Reply> ping(PeerConnection caller, Request request) {
        return answer(caller, request, () -> {
            request.message(PingRequestMessage.parser());
            return handler.ping(contact(caller)).map(DhtCodec::toMessage);
        });
    }

    private Mono<Reply> find(PeerConnection caller, Request request) {
        return answer(caller, request, () -> {
            FindRequest find = DhtCodec.toFindRequest(request.message(FindRequestMessage.parser()));
            return handler.find(contact(caller), find).map(DhtCodec::toMessage);
        });
    }

    private Mono<Reply> store(PeerConnection caller, Request request) {
        return answer(caller, request, () -> {
            StoreRequest store = DhtCodec.toStoreRequest(request.message(StoreRequestMessage.parser()));
            return handler.store(contact(caller), store).map(DhtCodec::toMessage);
        });
    }

    private Mono<Reply> answer(PeerConnection caller, Request request, Supplier<Mono<? extends MessageLite>> serve) {
        Mono<Reply> reply = Mono.defer(() -> {
                    DhtCodec.requireSize(request.body(), MAX_REQUEST_BYTES);
                    return serve.get();
                })
                .map(Reply::ofMessage);
        return pending.admit(caller.peerId(), reply);
    }

    private static Contact contact(PeerConnection caller) {
        return Contact.of(caller.peerId(), caller.listenAddresses());
    }
}
