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
     * A transport that has not dialled yet.
     *
     * @param client the address and loops to use
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
        return client.doOnConnected(this::prepare).connect().map(this::gate);
    }

    private void prepare(Connection connection) {
        TcpSettings.apply(connection.channel());
        FrameGuard.install(connection, maxFrameBytes);
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
