package dev.hivemind.dht.rpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.time.Duration;
import java.util.List;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Carries encoded messages of the DHT between peers whose identities are proven. {@link RSocketDhtTransport} is the one
 * over sockets.
 *
 * <p>Publishers are cold; signals arrive on any thread; errors are {@link RpcException}s; cancellation gives up.
 */
public interface DhtTransport {

    /** Who this peer is. */
    PeerIdentity identity();

    /** Where this peer listens; empty if it only dials. */
    List<PeerAddress> addresses();

    /**
     * Reaches whoever listens at an address, and emits it with the addresses that it announces.
     *
     * <p>Errors: {@link PeerUnavailableException} if nobody answers there.
     */
    Mono<Contact> meet(PeerAddress address);

    /**
     * Sends a request to a peer and emits the reply's bytes. May wait for ever: the caller sees to the deadline.
     *
     * @param timeout how long the caller will wait
     */
    Mono<Answer<ByteString>> exchange(Contact to, Operation operation, MessageLite request, Duration timeout);

    /**
     * Subscribes to an operation of a peer and emits the bytes of what it sends, until it ends or this is cancelled.
     */
    Flux<ByteString> subscribe(Contact to, Operation operation, MessageLite request);

    /**
     * Serves subscriptions of an operation to other peers until the result is disposed.
     *
     * @throws IllegalStateException if it is served already
     */
    Disposable serveSubscriptions(Operation operation, Feed feed);

    /** Answers subscriptions of one operation. */
    @FunctionalInterface
    interface Feed {

        /**
         * Emits replies. Called on any thread; cancelled when the caller gives up or is gone.
         *
         * @param caller who asks, proven; without addresses if it serves nobody
         * @param body the encoded request, of any size that the transport lets through
         */
        Flux<? extends MessageLite> answer(Contact caller, ByteString body);
    }

    /**
     * Serves an operation to other peers until the result is disposed.
     *
     * @throws IllegalStateException if it is served already
     */
    Disposable serve(Operation operation, Service service);

    /** Answers one operation. */
    @FunctionalInterface
    interface Service {

        /**
         * Emits the reply. Called on any thread; cancelled when the caller gives up.
         *
         * @param caller who asks, proven; without addresses if it serves nobody
         * @param body the encoded request, of any size that the transport lets through
         */
        Mono<? extends MessageLite> answer(Contact caller, ByteString body);
    }
}
