package dev.hivemind.dht.rpc;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.hivemind.dht.proto.FindReplyMessage;
import dev.hivemind.dht.proto.PingReplyMessage;
import dev.hivemind.dht.proto.PingRequestMessage;
import dev.hivemind.dht.proto.StoreReplyMessage;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.function.Function;
import reactor.core.publisher.Mono;

/** Asks over the connections of a {@link PeerNode}, dialling where there is none. Thread-safe. */
public final class RSocketDhtRpc implements DhtRpc {

    /** A dictionary as large as may be and the nearest contacts take less than half of it. */
    private static final int MAX_REPLY_BYTES = 1 << 20;

    private final PeerNode peer;
    private final Duration timeout;

    /**
     * Asks in the name of a peer, who stays the caller's.
     *
     * @param timeout how long a call may take, dialling included
     */
    public RSocketDhtRpc(PeerNode peer, Duration timeout) {
        this.peer = requireNonNull(peer, "peer");
        this.timeout = requireNonNull(timeout, "timeout");
    }

    @Override
    public Mono<Answer<Pong>> ping(Contact to) {
        var message = PingRequestMessage.getDefaultInstance();
        return call(
                to, Operation.DHT_PING, message, reply -> DhtCodec.toPong(read(reply, PingReplyMessage.parser(), 1)));
    }

    @Override
    public Mono<Answer<FindReply>> find(Contact to, FindRequest request) {
        int targets = request.targets().size();
        return call(
                to,
                Operation.DHT_FIND,
                DhtCodec.toMessage(request),
                reply -> DhtCodec.toFindReply(read(reply, FindReplyMessage.parser(), targets), targets));
    }

    @Override
    public Mono<Answer<StoreReply>> store(Contact to, StoreRequest request) {
        int records = request.records().size();
        return call(
                to,
                Operation.DHT_STORE,
                DhtCodec.toMessage(request),
                reply -> DhtCodec.toStoreReply(read(reply, StoreReplyMessage.parser(), 1), records));
    }

    private <T> Mono<Answer<T>> call(Contact to, Operation operation, MessageLite message, Function<Reply, T> read) {
        return Mono.defer(() -> peer.connect(to.peerId(), to.addresses()))
                .flatMap(connection -> exchange(connection, operation, message)
                        .map(reply -> new Answer<>(contact(connection), read.apply(reply))))
                .switchIfEmpty(Mono.error(() -> new PeerUnavailableException("The peer gave no answer")))
                .timeout(timeout)
                .onErrorMap(ErrorCodec::fromWire);
    }

    private static Contact contact(PeerConnection connection) {
        return Contact.of(connection.peerId(), connection.listenAddresses());
    }

    private Mono<Reply> exchange(PeerConnection connection, Operation operation, MessageLite message) {
        return Mono.using(
                () -> Request.ofMessage(operation, "", timeout, message), connection::request, Request::release);
    }

    private static <M extends MessageLite> M read(Reply reply, Parser<M> parser, int targets) {
        try {
            DhtCodec.requireSize(reply.body(), targets * MAX_REPLY_BYTES);
            return reply.message(parser);
        } finally {
            reply.release();
        }
    }
}
