package dev.hivemind.dashboard.web;

import io.netty.util.NetUtil;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.http.server.reactive.ServerHttpResponse;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/**
 * Refuses what pages of other origins could do: requests under a name that is not ours, as after DNS rebinding, and all that
 * do more than read. Every answer forbids scripts that are not files of the page.
 */
final class HostGuard implements WebFilter {

    static final String CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self';"
            + " img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none';"
            + " frame-ancestors 'none'";

    private final Set<String> names = new HashSet<>();

    HostGuard(WebOptions options) {
        names.add("localhost");
        names.add(options.host().toLowerCase(Locale.ROOT));
        options.allowedHosts().forEach(name -> names.add(name.toLowerCase(Locale.ROOT)));
    }

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        ServerHttpResponse response = exchange.getResponse();
        protect(response.getHeaders());
        if (!isOurs(exchange.getRequest().getHeaders().getFirst(HttpHeaders.HOST))) {
            return refuse(response, HttpStatus.MISDIRECTED_REQUEST);
        }
        HttpMethod method = exchange.getRequest().getMethod();
        if (!method.equals(HttpMethod.GET) && !method.equals(HttpMethod.HEAD)) {
            return refuse(response, HttpStatus.METHOD_NOT_ALLOWED);
        }
        return chain.filter(exchange);
    }

    private static void protect(HttpHeaders headers) {
        headers.set("Content-Security-Policy", CONTENT_SECURITY_POLICY);
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("X-Frame-Options", "DENY");
        headers.set("Referrer-Policy", "no-referrer");
        headers.set("Cross-Origin-Resource-Policy", "same-origin");
        headers.set("Cross-Origin-Opener-Policy", "same-origin");
    }

    private static Mono<Void> refuse(ServerHttpResponse response, HttpStatus status) {
        response.setStatusCode(status);
        return response.setComplete();
    }

    /** Whether a Host header names this machine by an address, which no other site can take, or by a name that is allowed. */
    boolean isOurs(@Nullable String header) {
        if (header == null) {
            return false;
        }
        String host = withoutPort(header).toLowerCase(Locale.ROOT);
        return names.contains(host) || NetUtil.isValidIpV4Address(host) || isIpV6(host);
    }

    private static String withoutPort(String header) {
        int colon = header.lastIndexOf(':');
        return colon > header.lastIndexOf(']') ? header.substring(0, colon) : header;
    }

    private static boolean isIpV6(String host) {
        return host.startsWith("[")
                && host.endsWith("]")
                && NetUtil.isValidIpV6Address(host.substring(1, host.length() - 1));
    }
}
