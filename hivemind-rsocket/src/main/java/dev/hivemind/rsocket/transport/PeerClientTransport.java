package dev.hivemind.rsocket.transport;

import io.rsocket.DuplexConnection;
import io.rsocket.transport.ClientTransport;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.netty.Connection;
import reactor.netty.tcp.TcpClient;

/** Dials one RSocket connection over TCP, and closes it if it breaks the framing. */
public final class PeerClientTransport implements ClientTransport {

    private final TcpClient client;
    private final int maxFrameBytes;
    private final GateLimits limits;
    private @Nullable OutboundGate gate;

    /**
     * What transports to all addresses have in common.
     *
     * @param client the loops and options to use
     * @param maxFrameBytes the largest RSocket frame to accept
     */
    public static TcpClient prepare(TcpClient client, int maxFrameBytes) {
        return client.doOnConnected(connection -> {
            TcpSettings.apply(connection.channel());
            FrameGuard.install(connection, maxFrameBytes);
        });
    }

    /**
     * A transport that has not dialled yet.
     *
     * @param client the address to dial, from what {@link #prepare} made for the same {@code maxFrameBytes}
     * @param maxFrameBytes the largest RSocket frame to accept
     * @param limits what may be unsent
     */
    public PeerClientTransport(TcpClient client, int maxFrameBytes, GateLimits limits) {
        this.client = client;
        this.maxFrameBytes = maxFrameBytes;
        this.limits = limits;
    }

    @Override
    public int maxFrameLength() {
        return maxFrameBytes;
    }

    @Override
    public Mono<DuplexConnection> connect() {
        return client.connect().map(this::gate);
    }

    private synchronized DuplexConnection gate(Connection connection) {
        gate = OutboundGate.before(connection, "client", limits.forFramesOf(maxFrameBytes));
        return gate;
    }

    /**
     * The window of the connection.
     *
     * @throws IllegalStateException if {@link #connect()} has not emitted it yet
     */
    public synchronized SendWindow window() {
        if (gate == null) {
            throw new IllegalStateException("Not connected yet");
        }
        return gate;
    }
}
