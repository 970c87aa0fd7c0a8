package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.proto.HelloMessage;
import dev.hivemind.rsocket.transport.AcceptLimits;
import dev.hivemind.rsocket.transport.ListeningSocket;
import dev.hivemind.rsocket.transport.PeerServerTransport;
import dev.hivemind.rsocket.transport.SendWindow;
import io.rsocket.ConnectionSetupPayload;
import io.rsocket.RSocket;
import io.rsocket.core.RSocketServer;
import io.rsocket.frame.decoder.PayloadDecoder;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.resources.LoopResources;
import reactor.netty.tcp.TcpServer;

/** Binds the listen addresses of a node and sets up the connections that arrive there. */
final class PeerListener {

    /** As many connections may wait to prove themselves as live ones. */
    private static final int UNPROVEN_AND_PROVEN = 2;

    private final PeerNodeConfig config;
    private final LoopResources loops;
    private final NodeCalls calls;
    private final Consumer<PeerConnection> onProven;
    private final BooleanSupplier refusesCalls;
    private final AcceptLimits limits;
    private final UnprovenConnections unproven;
    private final List<ListeningSocket> channels = new CopyOnWriteArrayList<>();
    private volatile List<PeerAddress> announced = List.of();

    /** {@code refusesCalls} tells whether the node closes. */
    PeerListener(
            PeerNodeConfig config,
            LoopResources loops,
            NodeCalls calls,
            Consumer<PeerConnection> onProven,
            BooleanSupplier refusesCalls) {
        this.config = config;
        this.loops = loops;
        this.calls = calls;
        this.onProven = onProven;
        this.refusesCalls = refusesCalls;
        this.limits =
                new AcceptLimits(UNPROVEN_AND_PROVEN * config.maxConnections(), config.maxConnectionsPerAddress());
        this.unproven = new UnprovenConnections(config.maxConnections(), config.connectTimeout());
    }

    /** Where others are told to connect; empty until bound. */
    List<PeerAddress> announcedAddresses() {
        return announced;
    }

    Mono<Void> bind() {
        return Flux.fromIterable(config.listen())
                .concatMap(this::bind)
                .doOnNext(channels::add)
                .then(Mono.fromRunnable(this::announce));
    }

    private Mono<ListeningSocket> bind(PeerAddress address) {
        TcpServer tcp = TcpServer.create().runOn(loops).host(address.host()).port(address.port());
        return RSocketServer.create(this::accept)
                .payloadDecoder(PayloadDecoder.ZERO_COPY)
                .maxInboundPayloadSize(config.maxFrameBytes())
                .maxTimeToFirstFrame(config.limits().firstFrameTimeout())
                .bind(new PeerServerTransport(tcp, config.maxFrameBytes(), config.unsent(), limits))
                .onErrorMap(error -> new ListenException(address, error));
    }

    private void announce() {
        announced = config.announce().isEmpty()
                ? channels.stream()
                        .flatMap(channel -> PeerAddress.of(channel.address()).reachable().stream())
                        .distinct()
                        .limit(Hello.MAX_LISTEN_ADDRESSES)
                        .toList()
                : config.announce();
    }

    private Mono<RSocket> accept(ConnectionSetupPayload setup, RSocket rsocket) {
        return Mono.deferContextual(context -> {
                    Hello dialler = readSetup(setup);
                    var activity = new LinkActivity(false, refusesCalls);
                    var link = new Link(
                            activity.countCalls(rsocket),
                            context.get(SendWindow.class),
                            activity,
                            calls.handlers().meters());
                    var handshake = new ListenerHandshake(config.identity(), announced, dialler, link, calls, onProven);
                    unproven.watch(rsocket, handshake.proven());
                    return Mono.just(PeerResponder.ofListener(handshake, link, calls));
                })
                .onErrorMap(RpcException.class, ErrorCodec::toRejectedSetup);
    }

    private static Hello readSetup(ConnectionSetupPayload setup) {
        if (!RSocketSettings.METADATA_MIME_TYPE.equals(setup.metadataMimeType())) {
            throw new ProtocolViolationException(
                    "Metadata is expected to be of type " + RSocketSettings.METADATA_MIME_TYPE);
        }
        if (!RSocketSettings.acceptsKeepalive(setup.keepAliveInterval(), setup.keepAliveMaxLifetime())) {
            throw new ProtocolViolationException("The keepalive times are out of bounds");
        }
        return Hello.fromMessage(
                MessageBody.decode(setup.sliceMetadata(), HelloMessage.parser(), MessageBody.MAX_HELLO_BYTES));
    }

    /** Accepts no new connections; those that it accepted live on. */
    void stopListening() {
        channels.forEach(ListeningSocket::dispose);
    }

    /** Stops listening and closes what was accepted, also what has not said yet who it is. */
    Mono<Void> close() {
        return Flux.fromIterable(channels)
                .doOnNext(ListeningSocket::dispose)
                .flatMap(channel -> channel.onClose().onErrorComplete())
                .then()
                .doOnSubscribe(started -> {
                    unproven.dispose();
                    limits.closeAccepted();
                });
    }
}
