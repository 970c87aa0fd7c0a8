package dev.hivemind.dht.rpc;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.hivemind.dht.proto.FindReplyMessage;
import dev.hivemind.dht.proto.PingReplyMessage;
import dev.hivemind.dht.proto.PingRequestMessage;
import dev.hivemind.dht.proto.StoreReplyMessage;
import dev.hivemind.dht.proto.WatchReplyMessage;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.function.Function;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/** Asks over a {@link DhtTransport}: encodes requests, checks and decodes replies, ends calls in time. Thread-safe. */
public final class EncodedDhtRpc implements DhtRpc {

    /** A dictionary as large as may be and the nearest contacts take less than half of it. */
    static final int MAX_REPLY_BYTES = 1 << 20;

    private final DhtTransport transport;
    private final Duration timeout;
    private final Scheduler timer;

    /**
     * Asks over a transport, which stays the caller's.
     *
     * @param timeout how long a call may take, dialling included
     * @param timer measures it
     */
    public EncodedDhtRpc(DhtTransport transport, Duration timeout, Scheduler timer) {
        this.transport = requireNonNull(transport, "transport");
        this.timeout = requireNonNull(timeout, "timeout");
        this.timer = requireNonNull(timer, "timer");
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
                reply -> FindReplyCodec.toFindReply(read(reply, FindReplyMessage.parser(), targets), targets));
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

    /** Not the peer, but this end sees to it that a watch is over in time, should the peer be gone meanwhile. */
    @Override
    public Flux<DhtValue> watch(Contact to, WatchRequest request) {
        return transport
                .subscribe(to, Operation.DHT_WATCH, DhtCodec.toMessage(request))
                .map(reply -> DhtCodec.toValue(read(reply, WatchReplyMessage.parser(), 1)))
                .takeUntilOther(Mono.delay(request.lifetime().plus(timeout), timer))
                .onErrorMap(ErrorCodec::fromWire);
    }

    private <T> Mono<Answer<T>> call(
            Contact to, Operation operation, MessageLite message, Function<ByteString, T> read) {
        return TimedCall.of(transport.exchange(to, operation, message, timeout), read, timeout, timer);
    }

    private static <M extends MessageLite> M read(ByteString reply, Parser<M> parser, int targets) {
        DhtCodec.requireSize(reply.size(), targets * MAX_REPLY_BYTES);
        return parse(reply, parser);
    }

    static <M extends MessageLite> M parse(ByteString body, Parser<M> parser) {
        try {
            return parser.parseFrom(body);
        } catch (InvalidProtocolBufferException e) {
            throw new ProtocolViolationException("A DHT message is not a protobuf message of its operation");
        }
    }
}
