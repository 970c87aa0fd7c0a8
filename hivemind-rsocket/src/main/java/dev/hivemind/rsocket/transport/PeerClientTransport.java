package dev.hivemind.rsocket.transport;

import io.rsocket.DuplexConnection;
import io.rsocket.transport.ClientTransport;
import reactor.core.publisher.Mono;
import reactor.netty.tcp.TcpClient;

/** Dials RSocket connections over TCP and closes those that break the framing. */
public final class PeerClientTransport implements ClientTransport {

    private final TcpClient client;
    private final int maxFrameBytes;

    /**
     * A transport that dials once per subscription.
     *
     * @param client the address and loops to use
     * @param maxFrameBytes the largest RSocket frame to accept
     */
    public PeerClientTransport(TcpClient client, int maxFrameBytes) {
        this.client = client;
        this.maxFrameBytes = maxFrameBytes;
    }

    @Override
    public int maxFrameLength() {
        return maxFrameBytes;
    }

    @Override
    public Mono<DuplexConnection> connect() {
        return client.doOnConnected(connection -> FrameGuard.install(connection, maxFrameBytes))
                .connect()
                .map(connection -> OutboundGate.before(connection, "client"));
    }
}
