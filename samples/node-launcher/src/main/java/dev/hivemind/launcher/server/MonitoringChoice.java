package dev.hivemind.launcher.server;

import dev.hivemind.launcher.options.DurationConverter;
import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a server tells how it is doing. */
final class MonitoringChoice {

    @Option(
            names = "--metrics-port",
            paramLabel = "PORT",
            converter = NumberConverters.NotNegative.class,
            description =
                    "Serve /metrics for Prometheus, /healthz and /readyz on this port; 0 takes a free one. Default:"
                            + " none.")
    private @Nullable Integer metricsPort;

    @Option(
            names = "--metrics-host",
            paramLabel = "HOST",
            defaultValue = "127.0.0.1",
            description = "Where to serve them; anybody who reaches it can read them. Default: ${DEFAULT-VALUE}.")
    private String metricsHost = "";

    @Option(
            names = "--status-period",
            paramLabel = "TIME",
            defaultValue = "30s",
            converter = DurationConverter.class,
            description = "The time between two status lines, where they are not redrawn. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private Duration statusPeriod;

    /** @throws IllegalArgumentException if the address of the metrics is none */
    MonitoringOptions options() {
        return new MonitoringOptions(
                metricsPort == null ? null : new PeerAddress(metricsHost, metricsPort), statusPeriod);
    }
}
