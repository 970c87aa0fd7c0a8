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
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
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

    /** A store of 64 records, each as large as may be, takes a little more than half of it. */
    private static final int MAX_REQUEST_BYTES = 2 << 20;

    private static final Duration RETRY_AFTER = Duration.ofMillis(100);

    private final DhtHandler handler;
    private final AtomicInteger pending = new AtomicInteger();

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
        return answer(request, () -> {
            request.message(PingRequestMessage.parser());
            return handler.ping(contact(caller)).map(DhtCodec::toMessage);
        });
    }

    private Mono<Reply> find(PeerConnection caller, Request request) {
        return answer(request, () -> {
            FindRequest find = DhtCodec.toFindRequest(request.message(FindRequestMessage.parser()));
            return handler.find(contact(caller), find).map(DhtCodec::toMessage);
        });
    }

    private Mono<Reply> store(PeerConnection caller, Request request) {
        return answer(request, () -> {
            StoreRequest store = DhtCodec.toStoreRequest(request.message(StoreRequestMessage.parser()));
            return handler.store(contact(caller), store).map(DhtCodec::toMessage);
        });
    }

    private Mono<Reply> answer(Request request, Supplier<Mono<? extends MessageLite>> serve) {
        return Mono.defer(() -> {
            if (pending.incrementAndGet() > MAX_PENDING) {
                pending.decrementAndGet();
                return Mono.error(new OverloadedException("Too many DHT calls wait here", RETRY_AFTER));
            }
            return Mono.defer(() -> {
                        DhtCodec.requireSize(request.body(), MAX_REQUEST_BYTES);
                        return serve.get();
                    })
                    .map(Reply::ofMessage)
                    .doFinally(signal -> pending.decrementAndGet());
        });
    }

    private static Contact contact(PeerConnection caller) {
        return Contact.of(caller.peerId(), caller.listenAddresses());
    }
}
