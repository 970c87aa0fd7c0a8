package dev.hivemind.rsocket.transport;

import io.rsocket.transport.ServerTransport;
import reactor.core.publisher.Mono;
import reactor.netty.Connection;
import reactor.netty.tcp.TcpServer;

/** Accepts RSocket connections over TCP and closes those that break the framing. */
public final class PeerServerTransport implements ServerTransport<ListeningSocket> {

    /** Room for a full header, a full message of the set-up, and the framing. */
    private static final int MAX_OPENING_FRAME_BYTES = 40 << 10;

    private final TcpServer server;
    private final int maxFrameBytes;
    private final GateLimits unsent;
    private final AcceptLimits limits;

    /**
     * A transport that binds when it is started.
     *
     * @param server the address and loops to use
     * @param maxFrameBytes the largest RSocket frame to accept
     * @param unsent what may be unsent on each connection
     * @param limits how many connections to accept; may be shared with other transports
     */
    public PeerServerTransport(TcpServer server, int maxFrameBytes, GateLimits unsent, AcceptLimits limits) {
        this.server = server;
        this.maxFrameBytes = maxFrameBytes;
        this.unsent = unsent;
        this.limits = limits;
    }

    @Override
    public int maxFrameLength() {
        return maxFrameBytes;
    }

    /** Binds; the emitted socket stops listening and leaves accepted connections alone. */
    @Override
    public Mono<ListeningSocket> start(ConnectionAcceptor acceptor) {
        return server.doOnChannelInit((observer, channel, remote) -> limits.admit(channel))
                .doOnConnection(connection -> serve(connection, acceptor))
                .bind()
                .map(ListeningSocket::new);
    }

    private void serve(Connection connection, ConnectionAcceptor acceptor) {
        TcpSettings.apply(connection.channel());
        FrameGuard.install(connection, MAX_OPENING_FRAME_BYTES, maxFrameBytes);
        OutboundGate gate = OutboundGate.before(connection, "server", unsent.forFramesOf(maxFrameBytes));
        acceptor.apply(gate)
                .contextWrite(context -> context.put(SendWindow.class, gate))
                .then(Mono.<Void>never())
                .subscribe(connection.disposeSubscriber());
    }
}
