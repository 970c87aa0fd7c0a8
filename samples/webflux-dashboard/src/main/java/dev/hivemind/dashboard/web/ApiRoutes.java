package dev.hivemind.dashboard.web;

import org.jspecify.annotations.Nullable;
import org.springframework.http.CacheControl;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ReactiveHttpOutputMessage;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The snapshot and the stream of updates. */
record ApiRoutes(UpdateFeed feed) {

    private static final String RETRY_AFTER_SECONDS = "10";

    RouterFunction<ServerResponse> routes() {
        return RouterFunctions.route()
                .GET("/api/snapshot", request -> snapshot())
                .GET("/api/updates", this::updates)
                .build();
    }

    private Mono<ServerResponse> snapshot() {
        return feed.snapshot()
                .flatMap(json -> ServerResponse.ok()
                        .contentType(MediaType.APPLICATION_JSON)
                        .cacheControl(CacheControl.noStore())
                        .body((response, context) -> response.writeWith(
                                Mono.fromSupplier(() -> response.bufferFactory().wrap(json)))));
    }

    private Mono<ServerResponse> updates(ServerRequest request) {
        if (feed.viewers() >= UpdateFeed.MAX_VIEWERS) {
            return ServerResponse.status(HttpStatus.SERVICE_UNAVAILABLE)
                    .header("Retry-After", RETRY_AFTER_SECONDS)
                    .build();
        }
        Flux<byte[]> updates = feed.updates(lastSeen(request));
        return ServerResponse.ok()
                .contentType(MediaType.TEXT_EVENT_STREAM)
                .cacheControl(CacheControl.noStore())
                .header("X-Accel-Buffering", "no")
                .body((response, context) -> send(response, updates));
    }

    /** Each update is flushed, and the next is taken when the connection has room for it. */
    private static Mono<Void> send(ReactiveHttpOutputMessage response, Flux<byte[]> updates) {
        return response.writeAndFlushWith(updates.map(
                update -> Mono.fromSupplier(() -> response.bufferFactory().wrap(update))));
    }

    private static @Nullable Long lastSeen(ServerRequest request) {
        String id = request.headers().firstHeader("Last-Event-ID");
        if (id == null) {
            return null;
        }
        try {
            return Long.parseLong(id);
        } catch (NumberFormatException malformed) {
            return null;
        }
    }
}
