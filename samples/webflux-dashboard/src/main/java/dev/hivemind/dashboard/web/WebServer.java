package dev.hivemind.dashboard.web;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.context.logging.LoggingApplicationListener;
import org.springframework.boot.web.server.PortInUseException;
import org.springframework.boot.web.server.reactive.context.ReactiveWebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;
import reactor.netty.resources.LoopResources;

/** A running HTTP server. Logging, signals and the end of the process stay with whoever started it. */
public final class WebServer implements AutoCloseable {

    private final ConfigurableApplicationContext context;
    private final String url;

    private WebServer(ConfigurableApplicationContext context, String url) {
        this.context = context;
        this.url = url;
    }

    /**
     * Starts to serve. Blocks until browsers can come.
     *
     * @param loops event loops, which stay the caller's
     * @throws PortTakenException if nobody can listen there, mostly because somebody else does
     */
    public static WebServer start(WebOptions options, UpdateFeed feed, LoopResources loops) {
        requireFree(options);
        var application = new SpringApplication(WebConfiguration.class);
        application.setWebApplicationType(WebApplicationType.REACTIVE);
        application.setBannerMode(Banner.Mode.OFF);
        application.setLogStartupInfo(false);
        application.setRegisterShutdownHook(false);
        application.setAddCommandLineProperties(false);
        application.setListeners(application.getListeners().stream()
                .filter(listener -> !(listener instanceof LoggingApplicationListener))
                .toList());
        application.setEnvironment(environment(options));
        application.addInitializers(starting -> {
            var beans = (GenericApplicationContext) starting;
            beans.registerBean(WebOptions.class, () -> options);
            beans.registerBean(UpdateFeed.class, () -> feed, definition -> definition.setDestroyMethodName(""));
            beans.registerBean(LoopResources.class, () -> loops, definition -> definition.setDestroyMethodName(""));
        });
        try {
            ConfigurableApplicationContext context = application.run();
            return new WebServer(context, url(options, context));
        } catch (PortInUseException taken) {
            throw new PortTakenException(new PeerAddress(options.host(), options.port()), taken);
        }
    }

    /** Spring would take seconds to find out, and say so at length. */
    private static void requireFree(WebOptions options) {
        try (var socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(options.host(), options.port()));
        } catch (IOException taken) {
            throw new PortTakenException(new PeerAddress(options.host(), options.port()), taken);
        }
    }

    /** What others configure on this machine for their own Spring applications does not reach this one. */
    private static StandardEnvironment environment(WebOptions options) {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("spring.config.location", "optional:classpath:/hivemind-dashboard/");
        settings.put("spring.application.name", "hivemind-dashboard");
        settings.put("spring.main.lazy-initialization", "false");
        settings.put("spring.web.resources.static-locations", "classpath:/static/");
        settings.put("spring.web.resources.cache.cachecontrol.no-cache", "true");
        settings.put("server.address", options.host());
        settings.put("server.port", options.port());
        settings.put("server.shutdown", "immediate");
        settings.put("server.netty.idle-timeout", "60s");
        settings.put("server.forward-headers-strategy", "none");
        settings.put("management.endpoints.access.default", "none");
        settings.put("management.endpoint.health.access", "read-only");
        settings.put("management.endpoint.info.access", "read-only");
        settings.put("management.endpoint.prometheus.access", "read-only");
        settings.put("management.endpoints.web.exposure.include", "health,info,prometheus");
        settings.put("management.endpoints.web.discovery.enabled", "false");
        settings.put("management.endpoint.health.show-details", "always");
        settings.put("management.endpoint.health.probes.enabled", "true");
        settings.put("management.endpoint.health.group.readiness.include", "readinessState,swarm");
        settings.put("management.health.diskspace.enabled", "false");
        settings.put("management.health.ssl.enabled", "false");
        settings.put("management.info.env.enabled", "false");
        settings.put("management.info.java.enabled", "true");
        var environment = new StandardEnvironment();
        environment.getPropertySources().remove(StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME);
        environment.getPropertySources().remove(StandardEnvironment.SYSTEM_PROPERTIES_PROPERTY_SOURCE_NAME);
        environment.getPropertySources().addFirst(new MapPropertySource("dashboard", settings));
        return environment;
    }

    private static String url(WebOptions options, ConfigurableApplicationContext context) {
        var server = ((ReactiveWebServerApplicationContext) context).getWebServer();
        int port = server == null ? options.port() : server.getPort();
        return "http://%s/".formatted(new PeerAddress(reachable(options.host()), port));
    }

    /** Browsers cannot go to a wildcard. */
    private static String reachable(String host) {
        return switch (host) {
            case "0.0.0.0" -> "127.0.0.1";
            case "::", "[::]" -> "::1";
            default -> host;
        };
    }

    /** Where browsers go to; ends with a slash. */
    public String url() {
        return url;
    }

    /** Stops serving; browsers that look are sent away. Idempotent. */
    @Override
    public void close() {
        context.close();
    }
}
