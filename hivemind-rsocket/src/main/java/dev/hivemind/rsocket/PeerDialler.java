package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.transport.PeerClientTransport;
import io.netty.channel.ChannelOption;
import io.rsocket.core.RSocketConnector;
import io.rsocket.frame.decoder.PayloadDecoder;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.netty.resources.LoopResources;
import reactor.netty.tcp.TcpClient;
import reactor.netty.transport.AddressUtils;

/** Dials peers and sets connections up. */
final class PeerDialler {

    private final PeerNodeConfig config;
    private final TcpClient tcp;
    private final NodeCalls calls;
    private final Supplier<List<PeerAddress>> announcedAddresses;
    private final BooleanSupplier refusesCalls;
    private final Sinks.Empty<Void> stopped = Sinks.empty();

    /** {@code refusesCalls} tells whether the node closes. */
    PeerDialler(
            PeerNodeConfig config,
            LoopResources loops,
            NodeCalls calls,
            Supplier<List<PeerAddress>> announcedAddresses,
            BooleanSupplier refusesCalls) {
        this.config = config;
        this.tcp = PeerClientTransport.prepare(tcpClient(config, loops), config.maxFrameBytes());
        this.calls = calls;
        this.announcedAddresses = announcedAddresses;
        this.refusesCalls = refusesCalls;
    }

    /**
     * A new connection per subscription. Dialling goes on when the subscriber gives up, since RSocket leaks the SETUP
     * frame of a connector that is cancelled; so {@code keeper}, which keeps the connection or names the one to use
     * instead, is told in any case.
     */
    Mono<PeerConnection> dial(PeerAddress address, UnaryOperator<PeerConnection> keeper) {
        return ignoringLateErrors(
                Mono.fromFuture(() -> setUp(address).map(keeper).toFuture(), true));
    }

    private Mono<PeerConnection> setUp(PeerAddress address) {
        Mono<PeerConnection> attempt = Mono.defer(() -> {
                    var handshake = new DiallerHandshake(config.identity(), announcedAddresses.get(), calls);
                    return openSocket(address, handshake)
                            .flatMap(link -> untilStopped(link, handshake.run(link, config.connectTimeout())));
                })
                .timeout(config.connectTimeout())
                .onErrorMap(error -> explain(address, error));
        return ignoringLateErrors(attempt);
    }

    /** Loops that end do not tell every connection that it is closed: a set-up that goes on would wait for its timeout. */
    private Mono<PeerConnection> untilStopped(Link link, Mono<PeerConnection> setUp) {
        Mono<PeerConnection> end =
                stopped.asMono().then(Mono.error(() -> new PeerUnavailableException("The node is closing")));
        return Mono.firstWithSignal(setUp, end)
                .doOnError(error -> link.rsocket().dispose());
    }

    /** Ends the set-ups under way, and those whose sockets open later. */
    void stop() {
        stopped.tryEmitEmpty();
    }

    /** Nobody waits any more for the errors of an attempt that was given up. */
    static <T> Mono<T> ignoringLateErrors(Mono<T> attempt) {
        return attempt.contextWrite(LateErrors::ignoredIn);
    }

    private Mono<Link> openSocket(PeerAddress address, DiallerHandshake handshake) {
        var activity = new LinkActivity(true, refusesCalls);
        var transport = new PeerClientTransport(
                tcp.remoteAddress(() -> AddressUtils.createUnresolved(address.host(), address.port())),
                config.maxFrameBytes(),
                config.unsent());
        return RSocketConnector.create()
                .metadataMimeType(RSocketSettings.METADATA_MIME_TYPE)
                .dataMimeType(RSocketSettings.DATA_MIME_TYPE)
                .keepAlive(RSocketSettings.KEEPALIVE_INTERVAL, RSocketSettings.KEEPALIVE_TIMEOUT)
                .payloadDecoder(PayloadDecoder.ZERO_COPY)
                .maxInboundPayloadSize(config.maxFrameBytes())
                .setupPayload(Mono.fromSupplier(handshake::setupPayload))
                .acceptor((setup, rsocket) ->
                        Mono.just(PeerResponder.ofDialler(handshake, transport.window(), activity, calls)))
                .connect(transport)
                .map(rsocket -> new Link(
                        activity.countCalls(rsocket),
                        transport.window(),
                        activity,
                        calls.handlers().meters()));
    }

    private static TcpClient tcpClient(PeerNodeConfig config, LoopResources loops) {
        return TcpClient.newConnection()
                .runOn(loops)
                .option(
                        ChannelOption.CONNECT_TIMEOUT_MILLIS,
                        Math.toIntExact(config.connectTimeout().toMillis()));
    }

    private static RpcException explain(PeerAddress address, Throwable error) {
        if (error instanceof RpcException known) {
            return known;
        }
        return new PeerUnavailableException("No Hivemind peer answers at " + address, error);
    }
}
