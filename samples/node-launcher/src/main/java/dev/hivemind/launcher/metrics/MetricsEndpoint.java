package dev.hivemind.launcher.metrics;

import static java.util.Objects.requireNonNull;

import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;
import reactor.netty.ChannelBindException;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServer;
import reactor.netty.http.server.HttpServerResponse;
import reactor.netty.http.server.HttpServerRoutes;

/**
 * An HTTP server for monitors: {@code /metrics} for Prometheus, {@code /healthz} for whether the process lives, and
 * {@code /readyz} for whether it takes calls. Anybody who reaches the address can read them.
 */
public final class MetricsEndpoint implements AutoCloseable {

    private static final Duration BIND_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(1);
    private static final int SERVICE_UNAVAILABLE = 503;

    private final Supplier<String> metrics;
    private final BooleanSupplier ready;
    private final DisposableServer server;

    private MetricsEndpoint(PeerAddress address, Supplier<String> metrics, BooleanSupplier ready) {
        this.metrics = requireNonNull(metrics, "metrics");
        this.ready = requireNonNull(ready, "ready");
        this.server = HttpServer.create()
                .host(address.host())
                .port(address.port())
                .idleTimeout(Duration.ofSeconds(60))
                .route(this::addRoutes)
                .bindNow(BIND_TIMEOUT);
    }

    /**
     * Serves from now on.
     *
     * @param address where to listen; port 0 takes a free one
     * @param metrics what there is to tell, as Prometheus reads it; asked on an event loop
     * @param ready whether calls are taken
     * @throws LauncherException if that is impossible
     */
    public static MetricsEndpoint start(PeerAddress address, Supplier<String> metrics, BooleanSupplier ready) {
        try {
            return new MetricsEndpoint(address, metrics, ready);
        } catch (ChannelBindException taken) {
            throw new LauncherException(
                    "Cannot serve metrics on %s: the port is in use, or the address is not this machine's. Choose another --metrics-port"
                            .formatted(address),
                    taken);
        }
    }

    private void addRoutes(HttpServerRoutes routes) {
        routes.get(
                        "/metrics",
                        (request, response) -> response.header(
                                        "Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                                .sendString(Mono.fromSupplier(metrics)))
                .get("/healthz", (request, response) -> answer(response, true))
                .get("/readyz", (request, response) -> answer(response, ready.getAsBoolean()));
    }

    private static Mono<Void> answer(HttpServerResponse response, boolean good) {
        return response.status(good ? 200 : SERVICE_UNAVAILABLE)
                .header("Content-Type", "text/plain; charset=utf-8")
                .sendString(Mono.just(good ? "ok\n" : "not ready\n"))
                .then();
    }

    /** Where it listens. */
    public int port() {
        return server.port();
    }

    @Override
    public void close() {
        server.disposeNow(CLOSE_TIMEOUT);
    }
}
