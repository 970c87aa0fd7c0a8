package dev.hivemind.launcher.server;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a server tells how it is doing.
 *
 * @param metrics where it serves its meters; null for nowhere
 * @param statusPeriod between two status lines
 */
record MonitoringOptions(@Nullable PeerAddress metrics, Duration statusPeriod) {}
