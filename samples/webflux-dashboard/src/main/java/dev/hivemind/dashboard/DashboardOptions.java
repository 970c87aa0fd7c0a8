package dev.hivemind.dashboard;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.List;
import java.util.Set;

/**
 * How a dashboard is to run.
 *
 * @param initialPeers where to enter the swarm, at least one
 * @param prefixes of experts to look for, besides those that servers tell of
 * @param host where browsers reach it; an address or name of this machine
 * @param port 0 takes a free one
 * @param allowedHosts further names under which browsers may ask for it, such as that of a proxy
 * @param reportOn where to listen for trainers that report; port 0 takes a free one
 * @param version of the software, as it is shown
 * @param commit of the software, as it is shown
 */
public record DashboardOptions(
        List<PeerAddress> initialPeers,
        List<ExpertPrefix> prefixes,
        String host,
        int port,
        Set<String> allowedHosts,
        PeerAddress reportOn,
        String version,
        String commit) {

    /** Where a dashboard listens unless told otherwise: only its own machine can reach it there. */
    public static final String DEFAULT_HOST = "127.0.0.1";

    /** The port for browsers unless told otherwise. */
    public static final int DEFAULT_PORT = 8080;

    public DashboardOptions {
        initialPeers = List.copyOf(initialPeers);
        prefixes = List.copyOf(prefixes);
        requireNonNull(host, "host");
        allowedHosts = Set.copyOf(allowedHosts);
        requireNonNull(reportOn, "reportOn");
        requireNonNull(version, "version");
        requireNonNull(commit, "commit");
        if (port < 0 || port > 0xFFFF) {
            throw new IllegalArgumentException("A port is a number from 0 to 65535, not " + port);
        }
    }

    /** A dashboard for this machine alone, on a free port. */
    public static DashboardOptions local(PeerAddress initialPeer) {
        return new DashboardOptions(
                List.of(initialPeer),
                List.of(),
                DEFAULT_HOST,
                0,
                Set.of(),
                new PeerAddress(DEFAULT_HOST, 0),
                "unknown",
                "unknown");
    }
}
