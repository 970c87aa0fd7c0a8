package dev.hivemind.dashboard.web;

import static java.util.Objects.requireNonNull;

import java.util.Set;

/**
 * Where the dashboard serves.
 *
 * @param host an address or name of this machine
 * @param port from 0 to 65,535; 0 takes a free one
 * @param allowedHosts further names under which browsers may ask for it
 */
public record WebOptions(String host, int port, Set<String> allowedHosts) {

    public WebOptions {
        requireNonNull(host, "host");
        allowedHosts = Set.copyOf(allowedHosts);
    }
}
