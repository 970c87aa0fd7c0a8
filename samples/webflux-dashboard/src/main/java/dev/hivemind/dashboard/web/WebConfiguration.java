package dev.hivemind.dashboard.web;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.netty.handler.timeout.WriteTimeoutHandler;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.actuate.info.InfoContributor;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.reactor.netty.NettyServerCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.client.ReactorResourceFactory;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.ServerResponse;
import org.springframework.web.server.WebFilter;
import reactor.netty.resources.ConnectionProvider;
import reactor.netty.resources.LoopResources;

/** What Spring is told; the rest it finds on the class path. */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
class WebConfiguration {

    /** In which a client has to send the head of its request. */
    private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(10);

    @Bean
    RouterFunction<ServerResponse> api(UpdateFeed feed) {
        return new ApiRoutes(feed).routes();
    }

    @Bean
    @Order(Ordered.HIGHEST_PRECEDENCE)
    WebFilter hostGuard(WebOptions options) {
        return new HostGuard(options);
    }

    @Bean
    SwarmHealth swarmHealthIndicator(UpdateFeed feed) {
        return new SwarmHealth(feed);
    }

    @Bean
    InfoContributor dashboardInfo(UpdateFeed feed) {
        About about = feed.about();
        return info -> info.withDetail(
                "dashboard",
                Map.of(
                        "version", about.version(),
                        "commit", about.commit(),
                        "peer", about.self(),
                        "reportTo", about.reportTo()));
    }

    @Bean
    MeterBinder dashboardMeters(UpdateFeed feed) {
        return registry -> Gauge.builder("hivemind.dashboard.viewers", feed, UpdateFeed::viewers)
                .description("Browsers that receive updates")
                .register(registry);
    }

    @Bean
    NettyServerCustomizer requestTimeouts() {
        return server -> server.readTimeout(REQUEST_TIMEOUT).requestTimeout(REQUEST_TIMEOUT);
    }

    /** What is sent may wait for a slow reader, but not for one that does not read at all. */
    @Bean
    NettyServerCustomizer writeTimeouts(WebOptions options) {
        long millis = options.patience().toMillis();
        return server -> server.doOnConnection(
                connection -> connection.addHandlerLast(new WriteTimeoutHandler(millis, TimeUnit.MILLISECONDS)));
    }

    /** The event loops are those of the peers. */
    @Bean
    ReactorResourceFactory reactorResourceFactory(LoopResources loops) {
        var resources = new ReactorResourceFactory();
        resources.setUseGlobalResources(false);
        resources.setLoopResources(loops);
        resources.setConnectionProviderSupplier(ConnectionProvider::newConnection);
        return resources;
    }
}
