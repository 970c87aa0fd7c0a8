package dev.hivemind.dht.sim;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.Answer;
import dev.hivemind.dht.rpc.DhtTransport;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/** One peer's end of a {@link SimNetwork}. */
public final class SimTransport implements DhtTransport {

    private final SimNetwork network;
    private final PeerIdentity identity;
    private final List<PeerAddress> addresses;
    private final Map<Operation, Service> services = new EnumMap<>(Operation.class);
    private final Map<Operation, Feed> feeds = new EnumMap<>(Operation.class);
    private final long[] requests = new long[Operation.values().length];
    private final Contact contact;
    private Duration slowness = Duration.ZERO;
    private boolean dead;

    SimTransport(SimNetwork network, PeerIdentity identity, List<PeerAddress> addresses) {
        this.network = network;
        this.identity = identity;
        this.addresses = addresses;
        this.contact = Contact.of(identity.id(), addresses);
    }

    /** From now on nothing reaches or leaves this peer, and nobody is told. */
    public void kill() {
        dead = true;
    }

    /** The opposite of {@link #kill()}. */
    public void revive() {
        dead = false;
    }

    /** From now on this peer answers so, whatever its node says. */
    void answer(Operation operation, Service service) {
        services.put(operation, service);
    }

    boolean isDead() {
        return dead;
    }

    /** From now on every message from or to this peer takes so much longer. */
    public void slow(Duration newSlowness) {
        slowness = newSlowness;
    }

    Duration slowness() {
        return slowness;
    }

    /** How many requests of one operation this peer has sent. */
    public long requests(Operation operation) {
        return requests[operation.ordinal()];
    }

    @Override
    public PeerIdentity identity() {
        return identity;
    }

    @Override
    public List<PeerAddress> addresses() {
        return addresses;
    }

    @Override
    public Mono<Contact> meet(PeerAddress address) {
        return Mono.defer(() -> exchange(network.find(address), Operation.HELLO, ByteString.EMPTY))
                .map(Answer::from);
    }

    @Override
    public Mono<Answer<ByteString>> exchange(Contact to, Operation operation, MessageLite request, Duration timeout) {
        return Mono.defer(() -> exchange(network.find(to), operation, request.toByteString()));
    }

    /** Nobody listens where {@code to} is null, and nothing comes back from there. */
    private Mono<Answer<ByteString>> exchange(SimTransport to, Operation operation, ByteString body) {
        return Mono.<Answer<ByteString>>create(sink -> {
                    network.began(operation);
                    requests[operation.ordinal()]++;
                    if (to != null) {
                        network.send(this, to, operation, body, () -> to.arrived(this, operation, body, sink));
                    }
                })
                .doFinally(signal -> network.ended());
    }

    /** Without connections, nobody learns that the other end is gone. */
    @Override
    public Flux<ByteString> subscribe(Contact to, Operation operation, MessageLite request) {
        return Flux.create(sink -> {
            SimTransport target = network.find(to);
            if (target == null) {
                return;
            }
            network.began(operation);
            Disposable.Swap feed = Disposables.swap();
            network.send(this, target, operation, request.toByteString(), () -> {
                if (feed.isDisposed()) {
                    return;
                }
                Feed source = target.feeds.get(operation);
                feed.update((source == null
                                ? Flux.<ByteString>error(new ProtocolViolationException("No " + operation))
                                : source.answer(contact, request.toByteString()).map(MessageLite::toByteString))
                        .subscribe(
                                message -> target.back(this, operation, message, () -> sink.next(message)),
                                error -> target.fail(this, operation, error, sink::error),
                                () -> target.back(this, operation, ByteString.EMPTY, sink::complete)));
            });
            sink.onDispose(() -> {
                network.ended();
                feed.dispose();
            });
        });
    }

    @Override
    public Disposable serveSubscriptions(Operation operation, Feed feed) {
        feeds.put(operation, feed);
        return () -> feeds.remove(operation, feed);
    }

    private void arrived(SimTransport from, Operation operation, ByteString body, MonoSink<Answer<ByteString>> reply) {
        answer(from, operation, body)
                .subscribe(
                        message -> back(from, operation, message, () -> reply.success(new Answer<>(contact, message))),
                        error -> fail(from, operation, error, reply::error));
    }

    private Mono<ByteString> answer(SimTransport from, Operation operation, ByteString body) {
        if (operation == Operation.HELLO) {
            return Mono.just(ByteString.EMPTY);
        }
        Service service = services.get(operation);
        return service == null
                ? Mono.error(new ProtocolViolationException("The peer serves no " + operation))
                : service.answer(from.contact, body).map(MessageLite::toByteString);
    }

    private void fail(SimTransport from, Operation operation, Throwable error, Consumer<Throwable> reply) {
        String text = ErrorCodec.toText(error);
        back(from, operation, ByteString.copyFromUtf8(text), () -> reply.accept(ErrorCodec.fromText(text)));
    }

    private void back(SimTransport from, Operation operation, ByteString body, Runnable delivery) {
        network.send(this, from, operation, body, delivery);
    }

    @Override
    public Disposable serve(Operation operation, Service service) {
        if (services.putIfAbsent(operation, service) != null) {
            throw new IllegalStateException(operation + " is served already");
        }
        return () -> services.remove(operation, service);
    }
}
