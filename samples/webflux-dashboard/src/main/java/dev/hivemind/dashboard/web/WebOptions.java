package dev.hivemind.dashboard.web;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Set;

/**
 * Where the dashboard serves.
 *
 * @param host an address or name of this machine
 * @param port from 0 to 65,535; 0 takes a free one
 * @param allowedHosts further names under which browsers may ask for it
 * @param patience with a browser that takes nothing of what was sent to it; its connection is cut then
 */
public record WebOptions(String host, int port, Set<String> allowedHosts, Duration patience) {

    /** Patience unless told otherwise. */
    public static final Duration DEFAULT_PATIENCE = Duration.ofMinutes(1);

    public WebOptions {
        requireNonNull(host, "host");
        allowedHosts = Set.copyOf(allowedHosts);
        requireNonNull(patience, "patience");
    }

    /** A place to serve with the usual patience. */
    public WebOptions(String host, int port, Set<String> allowedHosts) {
        this(host, port, allowedHosts, DEFAULT_PATIENCE);
    }
}
