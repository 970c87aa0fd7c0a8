package dev.hivemind.dht.rpc;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.hivemind.dht.proto.FindReplyMessage;
import dev.hivemind.dht.proto.FindRequestMessage;
import dev.hivemind.dht.proto.PingReplyMessage;
import dev.hivemind.dht.proto.PingRequestMessage;
import dev.hivemind.dht.proto.StoreReplyMessage;
import dev.hivemind.dht.proto.StoreRequestMessage;
import dev.hivemind.dht.proto.WatchReplyMessage;
import dev.hivemind.dht.proto.WatchRequestMessage;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Serves a {@link DhtHandler} to the peers of a {@link DhtTransport}: reads and checks what they send, and refuses what is
 * malformed with a {@link ProtocolViolationException} and what is too much with an {@link OverloadedException}.
 * Thread-safe.
 */
public final class DhtRequestHandler {

    /** How many calls may wait for the handler at once. */
    private static final int MAX_PENDING = 1_024;

    /** How many calls of one caller may wait for the handler at once. */
    private static final int MAX_PENDING_PER_CALLER = 64;

    /** A store of 64 records, each as large as may be, takes a little more than half of it. */
    static final int MAX_REQUEST_BYTES = 2 << 20;

    /** Targets and records that one caller may send each second, in the long run and at once. */
    private static final int PER_SECOND = 2_000;

    private static final int BURST = 10_000;

    private final DhtHandler handler;
    private final CallRates rates;
    private final WatchReplyCodec news = new WatchReplyCodec();
    private final PendingCalls pending = new PendingCalls(MAX_PENDING, MAX_PENDING_PER_CALLER);

    /**
     * Serves this handler.
     *
     * @param nanoTime tells how time passes
     */
    public DhtRequestHandler(DhtHandler handler, LongSupplier nanoTime) {
        this.handler = requireNonNull(handler, "handler");
        this.rates = new CallRates(PER_SECOND, BURST, nanoTime);
    }

    /**
     * Serves the DHT's operations until the result is disposed.
     *
     * @throws IllegalStateException if the peer serves them already
     */
    public Disposable register(DhtTransport transport) {
        return Disposables.composite(
                transport.serve(Operation.DHT_PING, this::ping),
                transport.serve(Operation.DHT_FIND, this::find),
                transport.serve(Operation.DHT_STORE, this::store),
                transport.serveSubscriptions(Operation.DHT_WATCH, this::watch));
    }

    private Flux<WatchReplyMessage> watch(Contact caller, ByteString body) {
        return Flux.defer(() -> {
            DhtCodec.requireSize(body.size(), MAX_REQUEST_BYTES);
            WatchRequest watch = DhtCodec.toWatchRequest(EncodedDhtRpc.parse(body, WatchRequestMessage.parser()));
            charge(caller, 1);
            return handler.watch(caller, watch).map(news::toMessage);
        });
    }

    private Mono<PingReplyMessage> ping(Contact caller, ByteString body) {
        return answer(caller, body, () -> {
            EncodedDhtRpc.parse(body, PingRequestMessage.parser());
            charge(caller, 1);
            return handler.ping(caller).map(DhtCodec::toMessage);
        });
    }

    private Mono<FindReplyMessage> find(Contact caller, ByteString body) {
        return answer(caller, body, () -> {
            FindRequest find = DhtCodec.toFindRequest(EncodedDhtRpc.parse(body, FindRequestMessage.parser()));
            charge(caller, find.targets().size());
            return handler.find(caller, find).map(FindReplyCodec::toMessage);
        });
    }

    private Mono<StoreReplyMessage> store(Contact caller, ByteString body) {
        return answer(caller, body, () -> {
            StoreRequest store = DhtCodec.toStoreRequest(EncodedDhtRpc.parse(body, StoreRequestMessage.parser()));
            charge(caller, store.records().size());
            return handler.store(caller, store).map(DhtCodec::toMessage);
        });
    }

    /** Whoever asks for more than its share waits, and nobody else does. */
    private void charge(Contact caller, int questions) {
        Duration wait = rates.take(caller.id(), questions);
        if (!wait.isZero()) {
            throw new OverloadedException("Too many DHT calls of one peer", wait);
        }
    }

    private <M extends MessageLite> Mono<M> answer(Contact caller, ByteString body, Supplier<Mono<M>> serve) {
        Mono<M> reply = Mono.defer(() -> {
            DhtCodec.requireSize(body.size(), MAX_REQUEST_BYTES);
            return serve.get();
        });
        return pending.admit(caller.id(), reply);
    }
}
