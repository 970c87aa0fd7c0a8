package dev.hivemind.rsocket.transport;

import io.rsocket.Closeable;
import java.net.InetSocketAddress;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;

/** A bound server socket. Disposing it stops listening; accepted connections live on. */
public final class ListeningSocket implements Closeable {

    private final DisposableServer server;

    ListeningSocket(DisposableServer server) {
        this.server = server;
    }

    /** The address it is bound to, with the port that was chosen. */
    public InetSocketAddress address() {
        return (InetSocketAddress) server.address();
    }

    @Override
    public Mono<Void> onClose() {
        return server.onDispose();
    }

    @Override
    public void dispose() {
        server.dispose();
    }

    @Override
    public boolean isDisposed() {
        return server.isDisposed();
    }
}
