package dev.hivemind.dashboard;

import io.netty.handler.codec.http.HttpHeaderNames;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.http.client.HttpClient;
import reactor.netty.http.client.HttpClientResponse;
import reactor.netty.resources.ConnectionProvider;

/** Asks a dashboard as a browser does, with a connection for each question. */
public final class Browser {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final HttpClient http;
    private final String url;

    public Browser(String url) {
        this.url = url;
        this.http = HttpClient.create(ConnectionProvider.newConnection());
    }

    /** An answer. */
    public record Page(int status, Map<String, String> headers, String body) {}

    public Page get(String path) {
        return get(path, null);
    }

    /** What is there for a browser that believes to talk to another host. */
    public Page get(String path, @Nullable String host) {
        return ask(path, host).block(TIMEOUT);
    }

    /** What is there. */
    public Mono<Page> ask(String path) {
        return ask(path, null);
    }

    private Mono<Page> ask(String path, @Nullable String host) {
        return http.headers(headers -> {
                    if (host != null) {
                        headers.set(HttpHeaderNames.HOST, host);
                    }
                })
                .get()
                .uri(url + path)
                .responseSingle((response, body) ->
                        body.asString(StandardCharsets.UTF_8).defaultIfEmpty("").map(text -> page(response, text)));
    }

    public int post(String path) {
        return http.post()
                .uri(url + path)
                .responseSingle((response, body) -> Mono.just(response.status().code()))
                .block(TIMEOUT);
    }

    private static Page page(HttpClientResponse response, String text) {
        Map<String, String> headers = new java.util.TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        response.responseHeaders().forEach(header -> headers.put(header.getKey(), header.getValue()));
        return new Page(response.status().code(), headers, text);
    }

    /** The events of a stream, each with its lines. */
    public Flux<String> events(String path) {
        return http.get()
                .uri(url + path)
                .responseContent()
                .asString(StandardCharsets.ISO_8859_1)
                .scanWith(Pieces::new, Pieces::add)
                .concatMapIterable(Pieces::take);
    }

    /** Text that arrives in pieces, cut where events end. */
    private static final class Pieces {

        private final StringBuilder text = new StringBuilder();

        Pieces add(String piece) {
            text.append(piece);
            return this;
        }

        java.util.List<String> take() {
            int end = text.lastIndexOf("\n\n");
            if (end < 0) {
                return java.util.List.of();
            }
            String complete = text.substring(0, end);
            text.delete(0, end + 2);
            return java.util.List.of(complete.split("\n\n"));
        }
    }
}
